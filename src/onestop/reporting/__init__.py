"""What a period's figures look like to people: the form II.06a as a workbook, and one web page.

`draft.draft` is the way in; it reads the figures once (`figures`) and hands them to the products.
"""
