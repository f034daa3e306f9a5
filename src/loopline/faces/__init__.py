"""faces: what others speak, turned into verbs, and what verbs give, turned back.

A *face* is a folder that speaks one protocol; its README says what is spoken and what is not. `desk.act` is the bridge from
async to sync, `admit` the one door: a face gets a Loop for a caller from there, or an error, and can do nothing without one.
Never here: rules of the loop, SQL, permission decided anywhere but at the door.
"""
