"""A question of each kind, with markup and code in their words."""

from mlops_lesson.teaching.questions import Option, Question

RIGHT = Option("A left join", "It keeps every parcel.", right=True)
WRONG = Option("An inner join", "It drops `parcels`.", misconception="joins never lose rows")
OTHER = Option("No <join>", "Then there is nothing to compare.", misconception="one table is enough")
JOINS = Question("which-join", "Which `join` keeps all?", [WRONG, RIGHT, OTHER], hint="Look <left>")
ALL = Question("all", "What helps?", [RIGHT, WRONG, Option("Counting", "It shows.", right=True)], kind="choose_all")
STEPS = [Option(text, f"{text} has its place.") for text in ("one", "two", "three")]
ORDER = Question("order", "Which order?", STEPS, "put_in_order", None, "any order will do", "One by one.")
