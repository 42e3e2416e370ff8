"""Names, events and asides for generated stories; no part shares any of them with another.

An event is written as it is told (two ways), as it is asked for (two ways, in other words), and
with two things it may happen to. ``{S}`` and ``{s}`` stand for the subject, ``{p}`` for "his" or
"her", ``{o}`` for "him" or "her", ``{n}`` for the full name, ``{t}`` for the thing.
"""

from dataclasses import dataclass

__all__ = ["PARTS", "Event", "Words"]


@dataclass(frozen=True, slots=True)
class Event:
    """Something that somebody did.

    Parameters
    ----------
    told, asked : (str, str)
    things : (str, str)
    """

    told: tuple[str, str]
    asked: tuple[str, str]
    things: tuple[str, str]


@dataclass(frozen=True, slots=True)
class Words:
    """What stories of one part are made of."""

    women: tuple[str, ...]
    men: tuple[str, ...]
    families: tuple[str, ...]
    trades: tuple[str, ...]
    towns: tuple[str, ...]
    events: tuple[Event, ...]
    asides: tuple[str, ...]
    titles: tuple[str, ...]


def _events(text: str) -> tuple[Event, ...]:
    found = []
    for line in text.strip().splitlines():
        told, other, asked, second, things = (cell.strip() for cell in line.split("|"))
        one, two = things.split("/")
        found.append(Event((told, other), (asked, second), (one, two)))
    return tuple(found)


def _lines(text: str) -> tuple[str, ...]:
    return tuple(line.strip() for line in text.strip().splitlines())


_TRAIN = Words(
    women=tuple(
        """Marta Ines Odile Greta Paula Sabine Helena Nora Judit Carla Renata Birgit Amina Leonie
        Tamsin Ottilie Vera Petra Lucia Hanne Rosalind Edda Mirela Susanna Alma Bettina Noemi
        Frieda Zora Cecily""".split()
    ),
    men=tuple(
        """Anton Bruno Casper Dmitri Emil Felix Gustav Henrik Igor Jasper Konrad Lorenz Matteo Nils
        Oskar Pavel Quentin Rufus Stefan Tobias Ulrich Viktor Walter Yannis Zeno Arvid Bertram
        Cyril Desmond Edgar""".split()
    ),
    families=tuple(
        """Albrecht Bauer Castell Dorn Ekman Falk Grabowski Hartung Ivers Jansen Kessler Lindqvist
        Moravec Nowak Olsen Pfeiffer Quist Rademacher Sandoval Thorne Ullmann Vogel Wexler Yates
        Zeller Abbott Brandt Corvin Dressler Engel Fabian Gerlach Holt Ibsen Juric Klemm Lorca
        Meinert Norden Ostrow""".split()
    ),
    trades=tuple(
        cell.strip()
        for cell in """miller|tailor|surveyor|violinist|chemist|ferryman|printer|gardener|notary|glazier|cook| clerk|cartographer|dentist|schoolteacher|carpenter""".split(
            "|"
        )
    ),
    towns=tuple(
        cell.strip()
        for cell in """Ashford|Brenhaven|Colditz|Drumlin|Eastmere|Falkirk|Grenholm|Hadley|Ingelby|Kestrel Point|Lowick|Marrow Bay""".split(
            "|"
        )
    ),
    events=_events("""
{S} slid {t} under a loose board in the attic|{S} pushed {t} deep behind the rafters|{n} hides {t}|where {n} concealed {t}|the letter/the purse
{S} pedalled to the coast on {t} before sunrise|Long before dawn {s} rode {t} down to the sea|{n} cycles to the shore|{n} sets off early on {t}|the old bicycle/a borrowed tandem
{S} dropped {t} and it broke on the tiles|{t} slipped out of {p} hands and shattered|{n} smashes {t}|{n} lets {t} fall|the blue vase/the lamp
{S} traded {t} for two sacks of flour|At the market {s} swapped {t} for some flour|{n} barters {t} away|{n} exchanges {t} for food|the wristwatch/the silver spoon
{S} taught the neighbour's children to play {t}|Every Thursday {s} gave the children lessons on {t}|{n} gives music lessons|{n} instructs youngsters on {t}|the flute/the cello
{S} stood up in church and confessed to burning {t}|Before the whole congregation {s} admitted setting fire to {t}|{n} owns up to arson|{n} confesses having burned {t}|the barn/the boathouse
{S} fell asleep on the night train and missed {t}|{s} dozed off in the carriage and slept past {t}|{n} sleeps through a stop|{n} misses {t} while asleep|the border/the junction
{S} pulled a drowning boy out of {t}|{s} waded into {t} and brought the boy back to the bank|{n} rescues a child|{n} saves a boy from {t}|the canal/the lake
{S} forged a signature on {t}|With a steady pen {s} copied the signature onto {t}|{n} commits forgery|{n} fakes the signing of {t}|the contract/the passport
{S} nursed {t} back to health through the winter|All winter {s} fed and bandaged {t} until it recovered|{n} heals an animal|{n} takes care of {t}|a lame fox/an injured owl
{S} refused to testify about {t}|On the witness stand {s} kept silent about {t}|{n} will not give evidence|{n} stays silent in court over {t}|the robbery/the shooting
{S} painted {t} bright yellow overnight|By morning {s} had covered {t} with yellow paint|{n} changes the colour of {t}|{n} decorates {t}|the fence/the front door
{S} won {t} at cards|A lucky hand brought {o} {t}|{n} gambles and wins {t}|luck at the card table for {n}|a horse/a vineyard
{S} buried {t} beneath the pear tree|Under the pear tree {s} dug a hole and laid {t} in it|{n} inters {t} in the garden|{n} puts {t} in the ground|the dog/the pistol
{S} climbed {t} without a rope|Hand over hand {s} went up {t} with nothing to hold {o}|{n} makes a dangerous ascent|{n} scales {t} unsecured|the chimney/the north face
{S} sent back {t} unopened|The postman had to take {t} away again because {s} would not open it|{n} declines {t}|{n} rejects a delivery|the parcel/the telegram
{S} gave {t} to a stranger at the station|On the platform {s} handed {t} to a person nobody knew|{n} parts with {t}|{n} is generous to an unknown traveller|the winter coat/the ticket
{S} spent the night locked in {t}|The door had closed behind {o}, and until dawn {s} sat in {t}|{n} is shut in|{n} gets trapped overnight in {t}|the library/the crypt
{S} learned that {t} had been a fake all along|An expert told {o} that {t} was worthless|{n} finds out about a counterfeit|{t} of {n} turns out not to be genuine|the painting/the diamond
{S} set {t} free at the edge of the forest|Where the trees began {s} opened the cage and let {t} go|{n} releases {t}|{n} gives {t} its liberty|the falcon/the lynx
{S} quarrelled with the mayor over {t}|In the town hall {s} shouted at the mayor because of {t}|{n} argues with an official|a dispute of {n} about {t}|the bridge/the well
{S} sewed {t} into the lining of a jacket|Stitch by stitch {s} closed the lining over {t}|{n} stitches {t} into clothing|{n} secretes {t} in a garment|the map/the banknotes
{S} cheated in {t}|{s} had copied every answer of {t} from the next desk|{n} is dishonest in a test|{n} did not earn the result of {t}|the final examination/the entrance test
{S} proposed marriage on {t}|Kneeling on {t}, {s} offered a ring|{n} asks for somebody's hand|{n} gets engaged on {t}|the ferry/the tower
{S} repaired {t} with wire and string|A bit of wire was all {s} needed to make {t} work again|{n} mends {t}|{n} fixes something broken|the radio/the mill wheel
{S} stole {t} from the vestry|While the sexton slept {s} carried {t} out of the vestry|{n} commits a theft|{n} robs the church of {t}|the chalice/the candlesticks
{S} dreamed of {t} three nights in a row|For three nights {t} came back in {p} sleep|{n} has a recurring dream|what {n} sees while sleeping: {t}|a burning ship/a white staircase
{S} walked barefoot to {t} to keep a vow|Because of a vow {s} took off both shoes and went to {t}|{n} makes a pilgrimage|{n} fulfils a promise by walking to {t}|the shrine/the monastery
{S} poured {t} down the drain|{s} emptied {t} into the sink to the last drop|{n} gets rid of {t}|{n} throws away a drink or drug|the brandy/the medicine
{S} discovered a secret passage behind {t}|When {s} leaned against {t}, a hidden corridor opened|{n} finds a concealed way|{n} reveals what lies behind {t}|the bookcase/the fireplace
{S} mistook a tourist for {t} and bowed|{s} bowed low before a tourist, believing {t} had come|{n} confuses two people|{n} takes a visitor for {t}|the bishop/the ambassador
{S} refused {t} when the factory offered it|The factory wanted to give {o} {t}, but {s} shook {p} head|{n} turns down an offer|{n} does not want {t}|a pension/a promotion
"""),
    asides=_lines("""
        Rain ran down the windows all afternoon.
        A dog barked somewhere beyond the yard.
        Nobody in the street took any notice.
        The clock in the hall had stopped again.
        It smelled of wet wool and tobacco.
        The neighbours talked of nothing but the price of coal.
        Down in the square the market was closing.
        Snow lay on the sills until April that year.
        A cart went by and the glasses trembled.
        The evening paper had only bad news.
        Somebody was practising scales next door.
        The soup was getting cold on the table.
        There was no wind, and the smoke rose straight.
        Two magpies fought on the roof of the shed.
        Later there would be questions, of course.
        Afterwards {s} said nothing for a long while.
        {S} had never felt so tired.
        It made {o} laugh, years afterwards.
        {p_} hands were shaking.
        Only much later did {s} understand what it meant.
        None of {p} friends would have believed it.
        {S} looked at the floor and waited.
    """),
    titles=("Winter", "The long street", "A house divided", "What the river took", "Small debts"),
)

_DEV = Words(
    women=tuple("Adela Brenna Corinna Dagmar Elspeth Fiona Gudrun Hedda Ilka Jolanta".split()),
    men=tuple("Aldo Boris Clemens Dietmar Enzo Fergus Giles Hugo Ivo Jakob".split()),
    families=tuple(
        """Ackerman Bellweather Crane Danforth Eames Fitch Garland Hobart Inness Jessup Kirby
        Lathrop Munro Neville Osgood Pruitt""".split()
    ),
    trades=("baker", "sailor", "optician", "bookseller", "mason", "nurse"),
    towns=("Port Selm", "Quarrytown", "Redmoor", "Silverdale", "Tarn"),
    events=_events("""
{S} sold {t} to pay the doctor|To settle the doctor's bill {s} let {t} go to a dealer|{n} parts with {t} for money|{n} needs cash for medical treatment|the piano/the cow
{S} carved {t} out of driftwood|From a piece of driftwood {s} whittled {t}|{n} makes a wooden object|{n} the wood carver and {t}|a small whale/a chess king
{S} overheard the partners plotting to burn {t}|Behind the curtain {s} listened as the partners agreed to set {t} alight|{n} learns of a conspiracy|{n} eavesdrops on a plan against {t}|the warehouse/the theatre
{S} swam across the bay with {t} in a bag|With {t} tied to {p} back {s} swam from shore to shore|{n} crosses the water|{n} swims carrying {t}|the documents/the medicine chest
{S} lost {t} in the fog|In the thick fog {t} went missing and {s} searched in vain|{n} cannot find {t}|{t} belonging to {n} disappears|the flock/the compass
{S} pretended to be deaf when {t} called|{t} knocked and shouted, but {s} acted as if {s} could not hear|{n} feigns deafness|{n} ignores {t} on purpose|the tax collector/the landlord
{S} baked {t} for the prisoners|The prisoners received {t}, still warm, from {p} oven|{n} feeds people in jail|{n} cooks {t} for convicts|plum cake/honey bread
{S} tore {t} into pieces and threw them in the river|Scraps of {t} floated downstream after {s} had ripped it up|{n} destroys {t}|{n} rips something up|the diary/the marriage certificate
"""),
    asides=_lines("""
        The tide was out and the boats lay on their sides.
        A bell rang twice and then was still.
        Children were shouting in the alley.
        The lamp smoked and had to be trimmed.
        All the benches were taken that morning.
        {S} did not sleep that night.
        It was the first time {s} had done such a thing.
        The whole of {p} family heard about it.
    """),
    titles=("Salt", "The lower town", "Nine candles"),
)

_TEST = Words(
    women=tuple(
        """Agnes Beatrix Clarissa Delphine Eleanor Flora Ginevra Harriet Imogen Josephine Katarina
        Lavinia Magdalena Natalia Ophelia Philippa Ramona Seraphina Theodora Winifred""".split()
    ),
    men=tuple(
        """Ambrose Benedict Cornelius Dominic Everett Florian Gideon Horatio Isidore Julian Kasimir
        Leopold Maximilian Nathaniel Orlando Percival Roderick Sebastian Thaddeus Valentin""".split()
    ),
    families=tuple(
        """Arkwright Blackwood Cavendish Delacroix Easton Fairbanks Galloway Hawthorne Irving
        Jablonski Kowalski Lancaster Macleod Northcott Okafor Pemberton Quincy Rosetti Sinclair
        Tremaine Underhill Vandermeer Whitlock Xavier Youngblood Zimmerman Ashcombe Bellini Crowther
        Duval""".split()
    ),
    trades=tuple(
        cell.strip()
        for cell in """apothecary|blacksmith|cellist|diver|engraver|florist|goldsmith|innkeeper|juggler| locksmith|midwife|organist|potter|saddler|weaver""".split(
            "|"
        )
    ),
    towns=tuple(
        cell.strip()
        for cell in """Applecross|Birchwater|Crowsnest|Dunmore|Elderbrook|Foxhollow|Gullhaven|Heatherstone| Ironbridge|Juniper Hill""".split(
            "|"
        )
    ),
    events=_events("""
{S} hung {t} out of the window as a signal|As a sign for those outside {s} let {t} dangle from the window|{n} gives a signal|{n} displays {t} to alert somebody|a red scarf/a lantern
{S} poisoned {t} with berries from the hedge|Berries from the hedge were what {s} mixed in to kill {t}|{n} uses poison|{n} is responsible for the death of {t}|the rats/the guard dogs
{S} adopted a child found beside {t}|Next to {t} lay an infant, and {s} took it in|{n} becomes a parent of a foundling|{n} takes in a baby from {t}|the millpond/the railway line
{S} shaved off {p} hair and left {t} without a word|With a bare scalp {s} went away from {t} in silence|{n} departs with a bald head|{n} quits {t}|the convent/the regiment
{S} bet everything on {t} and lost|All {p} savings were gone after {t} came in last|{n} is ruined by a wager|{n} loses money over {t}|the grey mare/the sailing race
{S} deciphered the code in {t}|After weeks of work {s} could read the cipher in {t}|{n} cracks a secret message|{n} decodes {t}|the ledger/the hymn book
{S} fainted in the middle of {t}|Halfway through {t} {p} knees gave way and everything went dark|{n} loses consciousness|{n} collapses during {t}|the sermon/the wedding feast
{S} smuggled {t} past the customs officers|Under a load of turnips {s} got {t} across the frontier|{n} evades customs|{n} brings {t} over illegally|the clocks/the silk
{S} broke off the engagement because of {t}|On account of {t} {s} returned the ring and called it all off|{n} cancels a betrothal|{n} will not marry, and {t} is to blame|a rumour/the dowry
{S} inherited {t} from an aunt overseas|A lawyer wrote that the aunt abroad had left {o} {t}|{n} comes into an inheritance|{n} receives {t} through a will|a lighthouse/a sugar plantation
{S} dug a tunnel from the cellar to {t}|With a kitchen spade {s} burrowed all the way from the cellar to {t}|{n} excavates an underground way|{n} reaches {t} beneath the earth|the brewery/the bank vault
{S} blamed the gardener for losing {t}|That {t} was gone, {s} told everyone, was the gardener's fault|{n} accuses an innocent servant|{n} makes another answer for {t}|the keys/the pearl necklace
{S} composed {t} in a single night|Between dusk and daybreak {s} wrote {t} down to the last note|{n} writes music|{n} creates {t} quickly|a requiem/a waltz
{S} went blind for a week after looking at {t}|For seven days {s} could see nothing, having stared into {t}|{n} loses eyesight|{n} is dazzled by {t}|the eclipse/the furnace
{S} led the strikers to {t}|At the head of the striking workers {s} marched up to {t}|{n} heads a labour protest|{n} brings demonstrators to {t}|the shipyard/the governor's palace
{S} ate {t} to win a dare|For a dare {s} swallowed {t} in front of everyone|{n} accepts a challenge|{n} consumes {t}|a live beetle/eleven lemons
{S} disguised as a monk to enter {t}|In a borrowed habit and hood {s} walked into {t} unrecognised|{n} wears a costume|{n} gets into {t} in false clothes|the archive/the fortress
{S} cut down {t} in a rage|Furious, {s} took the axe to {t}|{n} fells something in anger|{n} destroys {t} out of fury|the ancient oak/the maypole
{S} wrote a false confession for {t}|To protect {t} {s} put a crime on paper that was somebody else's|{n} takes the blame on paper|{n} lies to shield {t}|the younger brother/the accomplice
{S} invented {t} and sold the patent for a song|The patent on {t} went for next to nothing after {s} had built the first one|{n} has an invention|{n} profits little from {t}|a folding ladder/a potato peeler
{S} waited nine hours at {t} for a visitor who never came|Nine hours {s} sat at {t}, and the visitor stayed away|{n} is stood up|{n} waits in vain at {t}|the harbour wall/the bandstand
{S} saw a ghost near {t}|By {t} a pale figure without a face came towards {o}|{n} has a supernatural encounter|an apparition comes to {n} by {t}|the gallows/the orchard gate
{S} insulted the guest of honour during {t}|In the middle of {t} {s} called the guest of honour a fraud|{n} offends somebody important|{n} is rude at {t}|the banquet/the opening ceremony
{S} missed the funeral because {t} would not start|{t} would not start, and so {s} never got to the burial|{n} is absent from a burial|{n} has trouble with {t}|the motor car/the steam launch
"""),
    asides=_lines("""
        A thin mist hung over the meadows.
        The kettle had boiled dry on the stove.
        In the tavern somebody was singing out of tune.
        The shutters banged all night.
        Geese were crossing the sky towards the south.
        The almanac had promised better weather.
        A smell of tar came up from the docks.
        Candles were burning in every second window.
        The post was late, as it was every Monday.
        Dust lay thick upon the banister.
        The cobbles shone like fish scales.
        An old woman was selling chestnuts on the corner.
        {S} felt no regret at all.
        What would people think of {o} now?
        For days {s} ate hardly anything.
        {p_} heart was beating fast.
        It was not a thing {s} could have explained.
        A strange calm came over {o}.
    """),
    titles=("The tall ships", "Ember days", "Under the linden", "A bargain", "The ninth wave"),
)

PARTS = {"train": _TRAIN, "dev": _DEV, "test": _TEST}
