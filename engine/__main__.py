"""The command line. (being written by the generation helper, 22:33)"""
