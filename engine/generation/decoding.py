"""A generator of steps. (being written by the generation helper, 22:33)"""
