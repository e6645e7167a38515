"""Messages and what must become of each, by the contract alone: docs/contracts/orders.md."""

from tests.corpus.message import Message
from tests.corpus.orders import ORDERS
from tests.corpus.repeated import REPEATED
from tests.corpus.texts import TEXTS

MESSAGES: tuple[Message, ...] = (*TEXTS, *ORDERS, *REPEATED)
