"""The figures of bounds without a sweep: of a model's predictions, and the papers' figures drawn again.

``ratefront.bounds`` calls ``show_bounds`` when bounds are asked to show themselves; no other module is imported from
outside. This room takes curve styles and axis helpers from the report. It must not import ``page``.
"""
