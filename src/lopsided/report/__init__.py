"""Reports: sections of blocks to one self-contained page; knows neither claims nor measurements."""
