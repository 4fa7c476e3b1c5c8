"""OpenADR 3: events and reports as JSON, in files and over HTTP; Penstock is the end node (VEN) of another's server (VTN)."""
