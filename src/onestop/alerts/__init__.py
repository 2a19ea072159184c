"""One message per cause, told to whoever mends it: engineers in English, data owners in Vietnamese."""
