"""What is made of a checked sweep file for people and editors: the plan, the JSON schema, a first sweep file.

The library and the command line import from here. Nothing here starts anything or writes a file. The search does not
import these modules.
"""
