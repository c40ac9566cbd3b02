"""What is known of an information source: distributions, scores, predictions, and the joint of label and decision.

Every file checks its arrays, so that the rooms above can rely on them. All other rooms of `bounds` import from
here, and the report takes array types from `distributions`. This room imports nothing else of `bounds`.
"""
