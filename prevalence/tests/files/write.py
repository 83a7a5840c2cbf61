#!/usr/bin/env python3
"""Writes the SPSS and Stata files of this folder with another program: pyreadstat 1.3.7.

usage: pip install pyreadstat==1.3.7 pandas && ./write.py
The survey is made up: two regions, a long name, missing answers of each kind, negative and fractional numbers.
"""

import pandas
import pyreadstat

rows = pandas.DataFrame(
    {
        "respondent": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0],
        "region": ["north", "north", "north", "Süd-West", "Süd-West", ""],
        "place_of_interview": [11.0, 11.0, 12.0, 21.0, 22.0, 22.0],
        "weight": [25.5, 0.125, 1e6, 3.0, 7.75, 151.0],
        "known_a": [0.0, 3.0, None, 99.0, 250.0, 1000.0],
        "shift": [-1.0, -300.0, 40000.0, None, 0.0, 101.0],
        "comment": ["x" * 200, "", "y", "z", "", "w"],
    }
)
labels = {"known_a": {99.0: "does not know"}}
for name, options in {
    "plain.sav": {"row_compress": False},
    "packed.sav": {"row_compress": True, "missing_ranges": {"known_a": [99]}, "variable_value_labels": labels},
    "long.zsav": {"compress": True},
}.items():
    pyreadstat.write_sav(rows, name, file_label="made up", **options)
for version in (13, 14, 15):
    pyreadstat.write_dta(rows, f"stata{version}.dta", file_label="made up", version=version, variable_value_labels=labels)
whole = rows.fillna(7).astype({"respondent": "int8", "place_of_interview": "int16", "known_a": "int32", "shift": "int32", "weight": "float32"})
pyreadstat.write_dta(whole, "integers.dta", version=14)
pyreadstat.write_dta(rows, "old.dta", version=12)
