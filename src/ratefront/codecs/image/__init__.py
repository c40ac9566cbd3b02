"""The family ``image``: image files (PNG, JPEG, WebP) and learned image codecs in front of the task model.

The catalogue names ``image_family``; nothing else imports this room. ``image_transforms`` alone imports CompressAI.
"""
