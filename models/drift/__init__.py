"""Does the champion still see, and say, what it did when it was trained?"""
