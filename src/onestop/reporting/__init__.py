"""What a period's figures look like to people: the form II.06a as a workbook, a written report, one web page, data.

`draft.draft` is the way in; it reads the figures once (`figures`) and hands them to the products.
"""
