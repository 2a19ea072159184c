"""What arrived is judged here: expectation files -> Great Expectations -> a verdict per row."""
