"""The trace itself: is it whole, and can it be trusted?"""
