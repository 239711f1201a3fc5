"""Four short documents, and twenty questions about them with what a right answer contains."""

HOTEL = """Rules of the Harbour Hotel

Check-in is from 3 pm to 10 pm. Check-out is until 11 am. Guests who arrive after 10 pm call the night porter at the
side door.

Breakfast is served in the Garden Room from 7 to 10 am, on Sundays until 11 am. It costs 9 euros and is free for
children under six.

Dogs are welcome. A dog costs 12 euros per night. Dogs must be on a lead in the halls and are not allowed in the
Garden Room.

Parking behind the house costs 8 euros per day. Bicycles can be left in the cellar free of charge.

The sauna is on the fourth floor and is open from 5 pm to 9 pm. Towels are at the reception.
"""
LIBRARY = """Millbrook Public Library

The library is open from Tuesday to Saturday, 10 am to 6 pm. On Thursdays it stays open until 8 pm. It is closed on
Sundays and Mondays.

A library card costs 15 pounds a year. Students pay 5 pounds, and children read free.

Books may be kept for four weeks, films for one week. A late book costs 20 pence a day.

The reading group meets on the first Wednesday of each month in the Blue Room. It is led by Mrs Okafor.

Printing costs 10 pence a page. The printer is next to the stairs on the ground floor.
"""
COURSE = """Introduction to Astronomy, autumn term

Lectures are on Mondays at 14:15 in room B204. The teacher is Dr Elena Petrov. Her office hour is on Wednesday
at 11:00.

The book of the course is "The Visible Sky" by Thomas Reed. The library has six copies.

There are five homework sheets. They count for 40 percent of the grade, and the written exam counts for 60 percent.

The exam is on 12 February. A calculator is allowed, notes are not.

On 3 November the class visits the observatory at Mount Hale. The bus leaves at 18:30 from the main gate.
"""
OVEN = """Bakery Oven KX-40: instructions

Before the first use, heat the empty oven to 250 degrees for 30 minutes with the window open.

White bread bakes at 220 degrees for 35 minutes. Rye bread bakes at 200 degrees for 55 minutes. Rolls need 18 minutes.

If the red lamp blinks, the water tank is empty: fill in two litres. If the red lamp stays on, switch the oven off and
call the service at 555-0142.

Clean the glass with vinegar once a week. The filter is changed every six months.

The warranty lasts three years. It does not cover broken glass.
"""
DOCUMENTS = {"hotel": HOTEL, "library": LIBRARY, "course": COURSE, "oven": OVEN}

# Document, question, and a regular expression that a right answer contains.
QUESTIONS = (
    ("hotel", "How much does a dog cost per night?", r"\b12 euros|€ ?12"),
    ("hotel", "When is breakfast on Sundays?", r"(breakfast|Sunday).*\b11 ?am"),
    ("hotel", "Until when is check-out?", r"\b11 ?am"),
    ("hotel", "What does parking cost?", r"\b8 euros|€ ?8"),
    ("hotel", "On which floor is the sauna?", r"fourth|4th"),
    ("library", "How much is a library card for students?", r"\b5 pounds|£ ?5"),
    ("library", "How long may I keep a film?", r"\b(one|1|a) week"),
    ("library", "Who leads the reading group?", r"Okafor"),
    ("library", "Until when is the library open on Thursdays?", r"\b8 ?pm"),
    ("library", "What does it cost to print a page?", r"\b10 pence"),
    ("course", "Who teaches the astronomy course?", r"Petrov"),
    ("course", "When is the exam?", r"12 February|February 12"),
    ("course", "In which room are the astronomy lectures?", r"B204"),
    ("course", "Where does the class go on 3 November?", r"observatory|Mount Hale"),
    ("course", "How much does the exam count for the grade?", r"\b60"),
    ("course", "Who wrote The Visible Sky?", r"Reed"),
    ("oven", "How long does rye bread bake?", r"\b55 minutes"),
    ("oven", "At what temperature does white bread bake?", r"\b220"),
    ("oven", "What should I do if the red lamp blinks?", r"two lit|2 lit|fill"),
    ("oven", "How long does the warranty last?", r"(three|3) years"),
)
