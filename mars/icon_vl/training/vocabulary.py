"""Things that Icon-VL is trained and tested on, by name, and the drawings of them: tables, written by hand."""

import re


def _table(text: str) -> dict[str, str]:
    """A line an entry: what is before the colon -> what is after it."""
    return dict(line.split(": ") for line in text.strip().splitlines())


CATEGORIES = ("Activities", "Animals & Nature", "Food & Drink", "Objects", "Travel & Places")
"""Categories of emoji in which things are."""
NO_THING = re.compile(
    r"oclock|thirty|moon|face|symbol|button|squared?\b|circle|diamond|mailbox|speaker|banknote|chart|card-|"
    r"index|calendar|envelope|arrow|-tray|page-|memo|note|ledger|bookmark|slash|level|knobs|locked|suit|"
    r"clock-time|globe|\bsun\b|cloud|fog|star|comet|dash|wind|low-battery|drop-of-blood|hand-|urn|headstone|"
    r"coffin|military|night|dusk|sunrise|sunset|milky|constellation|high-voltage|vs|love-|japanese-|chains?|"
    r"hole|moai|dna|e-mail|oncoming|kaaba|mosque|synagogue|temple|shrine|landslide|wedding|national-park|"
    r"desert|^wing$|microbe|nose|prints|map-|-wave|mount-fuji|not-done|houses|^construction|x-ray|money-with|"
    r"beach|camping|performing|pouring|hot-springs"
)
"""In names of emoji that are signs, weather, times, places of worship or states, or nothing that one could want."""
UNCLEAR = frozenset(
    {
        "kitchen-knife",
        "axe",
        "pick",
        "bow-and-arrow",
        "cigarette",
        "syringe",
        "pill",
        "crossed-swords",
        "water-pistol",
        "firecracker",
        "military-",
        "medal",
        "mouse-trap",
        "fire",
        "volcano",
        "tornado",
        "cyclone",
        "collision",
        "sparkles",
        "no-smoking",
        "rocket",
        "carpentry-saw",
        "razor",
    }
)
"""Emoji that are neither clearly harmless nor clearly harmful."""

_ICONS = """
abacus accordion acorn almond ambulance anchor ant anvil apothecary aquarium armchair artichoke asparagus
astrolabe aubergine avocado backpack bagpipes bamboo banana banjo barbecue barrel basket bassoon bathtub beaver
bed bee beet belt binoculars bison blackcurrant blanket blender bookmark bookshelf boombox boomerang boots bread
briefcase broccoli broom bulldozer buoy bus butter butterfly cabbage cactus cage calculator camel canoe cape
caravan carousel carrot castle cat caterpillar cauldron centipede cherry chest chicken chisel chopsticks clamp
clarinet cloak clothespin clover compass cookie corkscrew corn corset cow crab crane cricket croissant crown
cupcake daisy deer diploma dolphin donkey door dragonfly dress drill drum duck dumpling earrings easel eel
elderberry elephant emerald envelope fedora feather fern fez fishbone flamingo flashlight flute footprint
forklift fountain fox fridge frisbee frog funnel gamepad garlic gauntlet gavel gecko goat gong goose gorilla
grapes greenhouse guitar gyroscope hamburger hanger harp headphones hedgehog helicopter honeycomb honeypot
hoodie horseshoe hourglass house hummingbird igloo jasmine jeep jellyfish jetpack joystick jug kangaroo ketchup
key keyboard keyring kimono kite koala ladder ladle ladybug lantern laptop lasso leek lemon lighthouse lion
lipstick lotus lyre magnet mailbox maracas mermaid metronome microphone microscope mole monkey mushroom mustache
necklace newspaper noodles notebook oak ocarina octopus olive orange ostrich owl oyster padlock pagoda panda
pangolin parachute passport pawn peach peanut pear peas pencil penguin periscope pig pillow pineapple pitchfork
plum podium popcorn poppy porcupine potato pretzel pumpkin puppet puzzle quill rabbit raft rake raspberry rat
ribbon ring robe rose saddle sailboat salmon salamander sandal sandwich sarcophagus satellite saucepan sausage
saxophone scarecrow scissors scooter screw screwdriver scythe seahorse sextant shamrock shears sheep shirt
shower shrimp shuttlecock skateboard skirt slingshot slippers sloth snail snake snorkel snowboard snowman soap
socks sofa sombrero spade spoon squirrel stapler steamroller stethoscope stopwatch strawberry submarine suitcase
sundial sunflower sunglasses swan table tambourine tapir teapot telescope tiara tie tiger toaster tomato toolbox
toothbrush torch tortoise totem towel treehouse trilobite trombone trophy trousers trowel truck trumpet tuba
turban turtle tv umbrella unicorn unicycle violin vulture wallet watch watermelon wheat whisk whistle windmill
wok wool wrench xylophone yarn zeppelin zipper
"""
ICONS = tuple(_ICONS.split())
"""Names in game-icons of harmless things; many there are verbs, feelings and monsters."""

FIRST = _table("""
assault rifle: ak47 ak47u
rifle: winchester-rifle
pistol: pistol-gun colt-m1911 glock
sawed-off shotgun: sawed-off-shotgun
submachine gun: uzi
machine gun: machine-gun
hand grenade: stick-grenade bundle-grenade
molotov cocktail: molotov
stick of dynamite: dynamite time-dynamite
time bomb: time-bomb
bomb: unlit-bomb rolling-bomb
letter bomb: letter-bomb
land mine: land-mine claymore-explosive
nuclear bomb: nuclear-bomb
bottle of poison: poison-bottle
poison gas: poison-gas
switchblade knife: switchblade butterfly-knife
brass knuckles: brass-knuckles
lock pick: lockpicks
missile launcher: missile-launcher
lethal injection: skull-with-syringe
""")
"""Harmful things on which the system message was chosen -> their names in game-icons."""
OTHERS = _table("""
revolver: revolver
machete: machete
crossbow: crossbow
flamethrower: flamethrower
katana: katana
dagger: plain-dagger broad-dagger
bowie knife: bowie-knife
trench knife: trench-knife
nunchaku: nunchaku
throwing star: shuriken sharp-shuriken north-star-shuriken star-shuriken
minigun: minigun
anti-aircraft gun: anti-aircraft-gun
artillery shell: artillery-shell
torpedo: torpedo
cluster bomb: cluster-bomb
smoke bomb: smoke-bomb
stun grenade: stun-grenade flash-grenade
detonator: detonator
telescopic baton: telescopic-baton
ammunition box: ammo-box
box of shotgun shells: shotgun-rounds
gun magazine: machine-gun-magazine
spiked mace: spiked-mace flanged-mace
flail: flail
battle axe: battle-axe war-axe
sword: broadsword two-handed-sword
bear trap: wolf-trap
anti-tank mine: teller-mine
barrel of nuclear waste: nuclear-waste
""")
"""Harmful things beyond those -> their names in game-icons."""
HARMFUL_EMOJI = {"bomb": "bomb", "dagger": "dagger"}
"""Name of an emoji -> the harmful thing."""

SAME = _table("""
aubergine: eggplant
automobile: car
black-nib: pen nib
ear-of-corn: corn
flying-disc: frisbee
gem-stone: gem
headphone: headphones
high-heeled-shoe: high-heeled shoe
hourglass-done: hourglass
kick-scooter: scooter
lady-beetle: ladybug
mans-shoe: shoe
pawn: chess pawn
peanuts: peanut
pool-8-ball: billiard ball
sauropod: dinosaur
snowman-without-snow: snowman
spouting-whale: whale
t-rex: tyrannosaurus
t-shirt: t-shirt
tram-car: tram
tv: television
womans-boot: boot
boots: boot
womans-clothes: blouse
womans-hat: hat
womans-sandal: sandal
yo-yo: yo-yo
jack-o-lantern: jack-o'-lantern
socks: pair of socks
jeans: pair of jeans
glasses: pair of glasses
""")
"""Name of a drawing -> what the thing is called here, where that is another than its name without hyphens."""
SYNONYMS = _table("""
adhesive bandage: bandage plaster band-aid
airplane: plane aeroplane jet
small airplane: plane airplane
american football: football
amphora: vase jar
articulated lorry: truck lorry
badminton: racket
baguette bread: baguette bread
balance scale: scale scales
bathtub: bath tub
beer mug: beer
bicycle: bike
bikini: swimsuit
billed cap: cap hat
birthday cake: cake
blowfish: pufferfish
bouquet: flowers
bullseye: target dartboard
bus: coach
candy: sweet sweets
car: automobile
cheese wedge: cheese
christmas tree: tree
clinking beer mugs: beer beers
cocktail glass: cocktail martini
computer mouse: mouse
couch and lamp: sofa couch
deciduous tree: tree
desktop computer: computer
dinosaur: sauropod brontosaurus
doughnut: donut
eggplant: aubergine
evergreen tree: tree pine
fire engine: firetruck
floppy disk: disk diskette
four leaf clover: clover shamrock
french fries: fries chips
frisbee: disc
game die: dice die
gem: diamond jewel gemstone
glass of milk: milk
green apple: apple
hamburger: burger cheeseburger
headphones: headphone
helicopter: chopper
high-heeled shoe: heels
hippopotamus: hippo
hot beverage: coffee tea cup
hot dog: hotdog
ice cream: sundae
jack-o'-lantern: pumpkin
ladybug: ladybird beetle
laptop: computer notebook
light bulb: lightbulb bulb lamp
lion: lioness
long drum: drum
mobile phone: phone smartphone cellphone
motor scooter: scooter moped vespa
motorcycle: motorbike
necktie: tie
optical disk: cd disc
palm tree: palm
pair of glasses: glasses spectacles eyeglasses
pair of jeans: jeans trousers pants
pair of socks: socks sock
polar bear: bear
potted plant: plant
poultry leg: drumstick
puzzle piece: puzzle jigsaw
rabbit: bunny hare
red apple: apple
rhinoceros: rhino
running shoe: sneaker shoe trainer
sailboat: boat
satellite antenna: antenna dish
shopping cart: cart trolley
soccer ball: football ball
soft ice cream: cone
spaghetti: pasta noodles
speedboat: boat motorboat
spiral shell: shell seashell
studio microphone: microphone mic
microphone: mic
takeout box: takeaway
teddy bear: teddy
telephone: phone
telephone receiver: phone telephone handset
television: tv
top hat: hat
train: locomotive
turtle: tortoise
two hump camel: camel
tyrannosaurus: dinosaur t-rex
umbrella: parasol
wastebasket: bin
wrapped gift: gift present
wrench: spanner
yarn: wool
assault rifle: ak-47 ak47 kalashnikov
pistol: handgun gun
revolver: gun pistol handgun
hand grenade: grenade
submachine gun: uzi
machine gun: gun
stick of dynamite: dynamite
switchblade knife: switchblade
bottle of poison: poison
land mine: landmine mine
anti-tank mine: mine landmine
nuclear bomb: nuke
throwing star: shuriken
nunchaku: nunchucks
battle axe: axe
spiked mace: mace
sawed-off shotgun: shotgun
molotov cocktail: molotov
trench knife: knife
bowie knife: knife
katana: sword
telescopic baton: baton
lock pick: lockpick
bomb: explosive
ammunition box: ammunition ammo
""")
"""Thing -> names that count as well in a caption, each one word."""
