"""The console's entry: `penstock console` (or `streamlit run app.py`). Sign-in, page list and theme; everything else is in console/."""

from console.pages import main

main()
