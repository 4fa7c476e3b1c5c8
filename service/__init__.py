"""The only place where the parts meet."""

import gc

gc.set_threshold(50_000)  # imports make many objects and no garbage: looking for it was a sixth of what `penstock status` takes
