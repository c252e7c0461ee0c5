"""Words of business letters, and a few numbers, from which pages are drawn by lot."""

WORDS = tuple(  # as text, which is what they are
    """
    account address after again against agreement amount annual answer apply approval area
    article author balance bank base before below between board book branch budget building
    business buyer called capital carry case cash catalogue centre certain change chapter charge
    chart check city claim class clause client close code column common company complete
    condition consider contact contract copy cost council country course court cover credit
    current customer data date deal debit decide deliver demand department deposit design detail
    different direct discount district document dollar draft during early earn east economy
    edition effect effort eight employee engine enough entry equal estate evening event every
    example exchange expense export extra factory family federal field figure final finance
    first five fixed floor follow foreign form forward four freight full fund future garden
    general give good government grant group growth guarantee half hand harbour head health help
    high hold home hour house human import income increase index industry inform insurance
    interest invoice issue item January journal July June keep kind know labour land large last
    later law lead learn lease left legal less letter level library licence light limit line
    list loan local long lower machine mail main manager March margin market material matter
    maximum measure medical meeting member method middle mile minimum minute money month more
    morning mortgage motor music name nation natural near need network never night nine normal
    north note notice number object October offer office often open order other outside over
    owner packet page paper part party pass payment people period person picture place plan
    plant point policy port position post power present press previous price print private
    problem process product profit program project property public purchase quality quantity
    quarter question rate reach reading ready reason receipt record reduce refer region register
    regular remain rent repair reply report request require reserve result return revenue review
    right river road room round rule safety salary sale sample save schedule school science
    season second section sector security sell service seven share sheet ship short should side
    signed single site small social source south special staff stamp standard start state
    station stock stone store street strong student subject summer supply support surface system
    table tariff task term third thousand three time title together total town trade traffic
    transfer travel treasury truck trust union unit until upper usual value various vehicle
    version village volume wages water week weight west wheel white whole winter within without
    word work world write year yellow young zone 1,204 17 2019 2,450.00 36 48.50 512 6.75 72 805
    9,310 1998 24.00 120% 3.5
    """.split()  # noqa: SIM905 - three hundred quotes fewer
)
