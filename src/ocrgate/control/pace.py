"""How fast pages are read, as far as the admission core has seen it."""

from ocrgate.control.crowd import Crowd
from ocrgate.control.drain import DrainRate, PageSpeed, ServiceTimes
from ocrgate.domain.ticket import Ticket, weighted

IDLE_QUANTILE = 0.1  # optimistic while nobody waits: a refusal would protect nobody
LOAD_QUANTILE = 0.5

BEYOND = 1.5  # times as long as it took is a page expected to take that was not finished
CUTS = 3  # pages of which none was finished say how long pages take


class Pace:
    """What is known of the time that pages take, and of how fast places become free.

    Args:
        horizon: seconds after which measurements are forgotten.

    Attributes:
        service: seconds that pages held their places.
        speed: the same, by their tokens.
        drain: places freed while all were taken.
        cut_times: as ``service``, of pages that were not finished and would have taken longer. It
            counts only while nothing else is known; forgotten, it lets a page be tried again.
        cut_speed: as ``speed``, of those pages, which holds for them too.
        crowd: pages that were read at once meanwhile, of all of them.
    """

    def __init__(self, horizon: float) -> None:
        self.service = ServiceTimes(horizon)
        self.speed = PageSpeed(horizon)
        self.drain = DrainRate(horizon)
        self.cut_times = ServiceTimes(horizon)
        self.cut_speed = PageSpeed(horizon)
        self.crowd = Crowd(horizon)

    def retune(self, horizon: float, now: float) -> None:
        """Forget after another time from now on; what is known by now is kept."""
        for times in (self.service, self.cut_times):
            times.retune(horizon, now)
        for speed in (self.speed, self.cut_speed):
            speed.retune(horizon)
        self.drain.retune(horizon)
        self.crowd.retune(horizon)

    def rate(self, now: float, places: int, *, full: bool) -> float | None:
        """Places that become free per second, when ``places`` are in use; None: not known."""
        mean = self.service.mean(now)
        guess = places / mean if mean and places else None
        return self.drain.rate(now, full=full, guess=guess)

    def page_seconds(self, ticket: Ticket, now: float, *, loaded: bool, beside: int) -> float:
        """How long the page takes at the least: half of all such pages under load, few without.

        As one of ``beside`` pages: fewer than of late are read as much faster as can be.
        """
        return self._as_seen(ticket, now, loaded=loaded) * self.crowd.part(beside)

    def _as_seen(self, ticket: Ticket, now: float, *, loaded: bool) -> float:
        if cost := ticket.cost:
            output = cost.median if loaded else cost.low
            for speed in (self.speed, self.cut_speed):
                seconds = speed.seconds(cost.input_tokens, output, now)
                if seconds is not None:
                    return seconds
        found = self.service.quantile(LOAD_QUANTILE if loaded else IDLE_QUANTILE, now)
        return self._unfinished(now) if found is None else found

    def _unfinished(self, now: float) -> float:
        """How long a page takes, when of late none was finished; 0: not known."""
        longest = self.cut_times.quantile(1.0, now)
        return BEYOND * longest if longest is not None and len(self.cut_times) >= CUTS else 0.0

    def place_seconds(self, now: float) -> float:
        """How long a page is expected to hold its place."""
        return self.service.mean(now) or 1.0

    def charge(self, ticket: Ticket, output_tokens: int, now: float) -> float | None:
        """The service a page takes, in seconds of a place but by its tokens; None: not known."""
        if ticket.cost is None:
            return None
        per_token = self.speed.per_token(now)
        return per_token and per_token * weighted(ticket.cost.input_tokens, output_tokens)

    def learn(
        self, ticket: Ticket, now: float, held: float, output_tokens: int | None, crowd: float
    ) -> None:
        """A page has ended well, one of so many on average."""
        self.crowd.add(now, crowd, held)
        self.service.add(now, held)
        if ticket.cost and output_tokens is not None:
            self.speed.add(now, held, ticket.cost.input_tokens, output_tokens)

    def cut(
        self, ticket: Ticket, now: float, held: float, output_tokens: int | None, crowd: float
    ) -> None:
        """A page has ended before it was finished, for whatever reason."""
        self.crowd.add(now, crowd, held)
        if ticket.cost is None:
            self.cut_times.add(now, held)
        elif output_tokens:
            self.cut_speed.add(now, held, ticket.cost.input_tokens, output_tokens)
