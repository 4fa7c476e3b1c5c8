"""Words of signing in and of the page of a household's owner, in English and Chinese."""

ACCESS_WORDS: dict[str, tuple[str, str]] = {
    # roles
    "engineer": ("engineer", "工程师"),
    "admin": ("administrator", "账户管理员"),
    "household": ("household owner", "住户"),
    "alone": ("command line", "命令行"),
    # why a button is not open
    "not_your_district": ("This lies in {where}, and you have {own}.", "该对象位于{where}；您的职责范围为{own}。"),
    "needs_factor": ("Sign in with the code of a second factor to do this.", "须使用第二因素验证码登录后方可执行。"),
    # the gate
    "wrong_password": ("Name, password or code is not right.", "用户名、密码或验证码不正确。"),
    "code": ("Code of your second factor", "第二因素验证码"),
    "code_help": (
        "Six digits from your authenticator app, or a recovery code. Leave it empty when your account has none.",
        "身份验证器应用中的六位数字，或一个恢复码。账户未启用时留空。",
    ),
    "sign_in_provider": ("Sign in with your organisation's account", "使用单位统一账号登录"),
    "other_account": ("Use another account", "使用其他账号"),
    "signed_out": ("You were signed out. Sign in to go on.", "您已退出登录，请重新登录。"),
    # the owner's page
    "own_household": ("Your household", "我的住户账本"),
    "own_months": ("Your months, from readings of your own meters", "您的月度数据，来自您自己的表计"),
    "own_note": (
        "Only you see this book. What the utility publishes is of many households, with noise.",
        "仅您本人可见此账本。供用单位公布的是多户汇总数据，并加入随机噪声。",
    ),
    "own_none": (
        "No household is open to you: a colleague of the utility must enter your consent first.",
        "尚无可查看的住户账本：须先由供用单位工作人员登记您的授权。",
    ),
    "own_empty": ("No month yet: the book begins after the next month has been posted.", "暂无月度数据：下月入账后开始。"),
    "consent_since": ("Your consent is in force; the book begins with {month}.", "您的授权有效；账本自 {month} 起。"),
    "consent_off": ("Your consent was withdrawn; your book is deleted.", "您已撤回授权，账本已删除。"),
    "withdraw": ("Withdraw consent and delete the book", "撤回授权并删除账本"),
    "give_again": ("Consent again, from this month on", "自本月起重新授权"),
    "withdraw_sure": ("The book cannot be brought back; I want to withdraw.", "账本删除后无法恢复；我确认撤回。"),
    "measure_name": ("Measure", "项目"),
    "measure_energy_kwh": ("Electricity", "用电量"),
    "measure_volume_m3": ("Water", "用水量"),
    "measure_gas_m3": ("Gas", "用气量"),
    "measure_co2e_kg": ("Greenhouse gases", "温室气体排放"),
    "missing": ("Intervals without a reading", "缺少读数的时段数"),
}
