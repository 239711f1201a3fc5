"""The engine's own reader of assets/i18n. (being written by the generation helper, 22:33)"""
