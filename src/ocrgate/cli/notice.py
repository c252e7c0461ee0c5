"""What the licence of a model asks of whoever starts it."""

from ocrgate.cli.report import say
from ocrgate.engines.launch.notice import notice_due, notice_shown
from ocrgate.engines.launch.params import VllmParams
from ocrgate.engines.launch.served import recipe_of, served
from ocrgate.settings import Settings


def show_notice(settings: Settings) -> None:
    """Say it before the first start of the model, once.

    Raises:
        EngineUnavailable: there is no such recipe, or the model is known not to work.
    """
    if not isinstance(settings.engine, VllmParams) or not settings.engine.notice:
        return
    model = served(recipe_of(settings.engine), settings.engine)
    notice = notice_due(model, settings.engine.state)
    if notice is not None:
        say(f"NOTICE: {notice}")
        notice_shown(model, settings.engine.state)
