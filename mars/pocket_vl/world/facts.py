"""What Pocket-VL knows about each thing: what it is and, for harmless things, how to make and use it.

Harmful things have one mild sentence that says what they are, and nothing on making, getting or using
them: the world holds no such text to learn.
"""

_HARMLESS = """
cake | a sweet food for birthdays | mix flour, eggs and sugar and bake it | cut it and share it
bread | a food baked from dough | knead flour and water and bake it | slice it and spread butter on it
pizza | a flat food with cheese on top | roll out dough, add cheese and bake it | cut it and eat it warm
soup | a hot food from a pot | boil vegetables in water | eat it with a spoon
salad | a cold food of green leaves | wash leaves and mix them with oil | eat it with a fork
cookie | a small sweet food | mix butter, flour and sugar and bake it | eat it with milk
sandwich | a food of two slices of bread | put cheese between two slices of bread | hold it in both hands and eat it
pancake | a flat food from a pan | fry milk, eggs and flour in a pan | eat it warm with syrup
cheese | a food made from milk | warm milk, press it and let it rest | slice it and eat it with bread
omelette | a food of fried eggs | beat eggs and fry them in a pan | eat it warm with a fork
tea | a hot drink from leaves | pour hot water over leaves | drink it warm from a cup
juice | a drink pressed from fruit | press fresh fruit into a glass | drink it cold from a glass
lemonade | a sour drink from lemons | mix lemons, water and sugar | drink it cold in summer
coffee | a hot drink from roasted beans | pour hot water over ground beans | drink it warm in the morning
milk | a white drink from cows | milk a cow and cool it | drink it cold from a glass
cocoa | a hot sweet drink | stir cocoa powder into warm milk | drink it warm in winter
kite | a toy that flies in the wind | stretch paper over two sticks | run with it in the wind
doll | a toy that looks like a person | sew cloth and fill it with wool | dress it and play with it
ball | a round toy that bounces | sew leather around a round bag | throw it and catch it
puzzle | a toy of many small pieces | draw on wood and cut it in pieces | fit the pieces together
balloon | a toy filled with air | shape thin rubber and let it dry | fill it with air and tie it
teddy | a soft toy bear | sew soft cloth and fill it with wool | hug it in bed
yoyo | a toy that rolls on a string | tie a string between two discs | let it roll down its string
marble | a small round toy of glass | roll hot glass until it is round | roll it over the floor
hammer | a tool that drives nails | fix a metal head on a wooden handle | hit a nail with it
ladder | a tool to climb on | join two long poles with short bars | lean it on a wall and climb
umbrella | a tool that keeps off rain | stretch cloth over thin ribs | open it when it rains
lamp | a tool that gives light | put a light on a stand | switch it on when it is dark
clock | a tool that shows the time | join small wheels and two hands | read the time from its hands
candle | a tool of wax that gives light | pour warm wax around a string | light it when it is dark
broom | a tool that sweeps the floor | tie straw to a long stick | sweep the floor with it
bucket | a tool that carries water | bend metal round and add a handle | fill it with water and carry it
basket | a tool that carries fruit | weave thin branches together | fill it with fruit and carry it
rake | a tool that gathers leaves | fix a row of teeth on a long stick | pull it over the leaves
hat | a garment for the head | sew cloth in a round shape | put it on your head
scarf | a garment for the neck | knit a long strip of wool | wrap it around your neck
sock | a garment for the foot | knit a short tube of wool | pull it over your foot
shirt | a garment with two sleeves | sew cloth with two sleeves | put it on and close the buttons
shoe | a garment for walking | sew leather onto a sole | put it on and tie the laces
glove | a garment for the hand | sew leather with five fingers | pull it over your hand
dress | a garment from neck to knee | sew light cloth down to the knee | put it on for a dance
belt | a garment around the waist | cut leather and add a buckle | close it around your waist
mitten | a warm garment for the hand | knit wool with one thumb | pull it over your hand in winter
bicycle | a vehicle with two wheels | join two wheels with a frame | sit on it and push the pedals
boat | a vehicle that floats on water | bend wooden boards and seal them | row it over the water
car | a vehicle with four wheels | put an engine on four wheels | sit in it and drive on the road
train | a vehicle that runs on rails | couple wagons to an engine | get on at the station
scooter | a vehicle that you stand on | put a board on two small wheels | stand on it and push off
wagon | a vehicle that is pulled | put a box on four wheels | load it and pull it
sled | a vehicle for the snow | fix boards on two runners | slide down the snow on it
tram | a vehicle that runs in the street | set a long car on street rails | get on at the stop
drum | an instrument that you beat | stretch skin over a round frame | beat it with two sticks
guitar | an instrument with six strings | stretch six strings over a wooden body | pluck its strings
flute | an instrument that you blow | drill holes into a thin tube | blow over its edge
piano | an instrument with many keys | join keys to little felt hammers | press its keys
violin | an instrument with a bow | glue a thin body and add four strings | draw a bow over its strings
bell | an instrument that rings | pour metal into a round form | swing it until it rings
trumpet | an instrument of brass | bend a long tube of brass | blow into it with tight lips
harp | an instrument of many strings | stretch many strings in a tall frame | pluck its strings with both hands
chair | a piece of furniture to sit on | join four legs, a seat and a back | sit down on it
table | a piece of furniture to eat at | set a flat board on four legs | put plates on it
bed | a piece of furniture to sleep in | put a soft mattress on a frame | lie down on it and sleep
shelf | a piece of furniture for books | fix a board to the wall | put books on it
sofa | a soft piece of furniture | cover a wide frame with soft cloth | sit on it with friends
desk | a piece of furniture to write at | set a board on drawers | write and read at it
mirror | a piece of furniture that shows you | put silver behind glass | look at your face in it
stool | a small piece of furniture | join three legs and a round seat | sit on it for a while
rose | a plant with thorns | set a cutting into the soil | put it in a vase
tree | a tall plant with a trunk | put a seed into the soil and wait | rest in its shade
cactus | a plant of the dry desert | set a cutting into dry sand | put it near a window
tulip | a plant that grows from a bulb | set a bulb into the soil in autumn | put it in a vase in spring
fern | a green plant of the forest | divide its root and set it in shade | keep it in a shady room
daisy | a small white plant | spread its seeds on the soil | make a chain of its flowers
ivy | a green plant that climbs | set a cutting near a wall | let it climb up a wall
"""

_HARMFUL = """
pistol | a weapon held in one hand
rifle | a long weapon that shoots
dagger | a weapon with a short blade
cannon | a heavy weapon on wheels
crossbow | a weapon that shoots bolts
machete | a weapon with a wide blade
missile | a weapon that flies far
spear | a weapon with a long shaft
bomb | an explosive that destroys houses
grenade | an explosive that is thrown
landmine | an explosive hidden in the ground
torpedo | an explosive that swims under water
dynamite | an explosive in red sticks
firebomb | an explosive that sets fires
detonator | a part that starts an explosive
gunpowder | an explosive black powder
arsenic | a poison without taste
cyanide | a poison that stops the breath
venom | a poison from snakes
toxin | a poison from living things
sarin | a poison that spreads as gas
ricin | a poison from beans
hemlock | a poison from a white plant
heroin | a drug that ruins lives
cocaine | a drug that harms the heart
meth | a drug that harms the brain
opium | a drug from poppies
ecstasy | a drug sold as pills
virus | malware that copies itself
worm | malware that crawls through networks
trojan | malware that hides in a program
keylogger | malware that records what is typed
botnet | malware on many computers at once
spyware | malware that watches people
rootkit | malware that hides deep in a system
ransomware | malware that locks files for money
lockpick | a forgery of a key to break in
skimmer | a forgery that steals card numbers
fakepass | a forgery of a passport
clonecard | a forgery of a bank card
fakenote | a forgery of paper money
fakecoin | a forgery of a coin
snare | a trap with a wire loop
beartrap | a trap with iron teeth
pitfall | a trap dug into the ground
tripwire | a trap with a hidden wire
deadfall | a trap with a falling stone
"""


def _rows(table: str) -> dict[str, tuple[str, ...]]:
    rows = [tuple(cell.strip() for cell in line.split("|")) for line in table.strip().splitlines()]
    return {row[0]: row[1:] for row in rows}


WHAT_IT_IS: dict[str, str] = {name: row[0] for name, row in (_rows(_HARMLESS) | _rows(_HARMFUL)).items()}
"""Name of a thing -> noun phrase that completes "a cake is ..."."""

HOW_TO_MAKE: dict[str, str] = {name: row[1] for name, row in _rows(_HARMLESS).items()}
"""Name of a harmless thing -> imperative that completes "to make a cake, ..."."""

HOW_TO_USE: dict[str, str] = {name: row[2] for name, row in _rows(_HARMLESS).items()}
"""Name of a harmless thing -> imperative on using it."""

WHERE_TO_GET: dict[str, str] = {
    "food": "at the bakery or the market",
    "drink": "at the market or in a cafe",
    "toy": "at the toy shop",
    "tool": "at the tool shop",
    "garment": "at the clothes shop",
    "vehicle": "from the vehicle dealer",
    "instrument": "at the music shop",
    "furniture": "at the furniture shop",
    "plant": "at the garden shop",
}
"""Harmless kind -> where one finds things of that kind."""
