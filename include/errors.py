"""
Every error this project raises on purpose.

    LakehouseError
    ├── SettingsError            a setting or a file it points to is missing or wrong
    ├── SetupError               the machine lacks something the stack needs
    ├── StackError               a part of the embedded stack is not as it should be
    │   └── PartNotHealthy       a part did not become healthy in time
    ├── StreamError              the lake writer must not go on
    │   ├── WriterAlreadyRunning another process holds the lake's lock
    │   ├── CheckpointMismatch   checkpoint and tables do not belong together
    │   ├── UpgradeRefused       this version of the code cannot go on from the tables that are there
    │   ├── TableDamaged         a table does not hold what the ledger says it holds
    │   ├── RecordsGone          the topic no longer has records that were never read
    │   ├── NeedsAPerson         supervision found what no restart heals
    │   ├── NothingToHeal        a repair was asked for where nothing is wrong
    │   └── LedgerImbalance      rows or cents of a batch do not add up
    ├── PublishError             nothing was published
    │   ├── RequestRefused       a run asks for what cannot be published
    │   ├── GateFailed           an hour is not as it should be
    │   │   ├── NothingToPublish the stream has not closed a batch yet
    │   │   ├── QualityFailed    an expectation does not hold, or could not be judged
    │   │   └── SuiteUnusable    the suite of a table is missing or could not judge anything
    │   └── StalePublisher       a newer version of that hour is already there
    ├── RedriveError             rejected records could not be sent again, or not all of them
    │   └── RedriveRefused       a run asks for what cannot be done
    ├── TableRequestFailed       the lake writer could not do what was asked of the tables, or not yet
    │   └── TableRequestRefused  what was asked cannot be done
    ├── RebuildFailed            hours could not be rebuilt, compared or swapped
    │   └── RebuildRefused       a run asks for hours that cannot be rebuilt
    ├── SimulatorError           the simulator cannot do what was asked
    └── AirflowApiError          the Airflow API refused or did not answer

A message says what was being done and to what, what was found, what is true now, what to do next.
"""


class LakehouseError(Exception):
    """Base of all errors of this project: the command line prints it without a traceback."""


class SettingsError(LakehouseError):
    """A setting, or a file it points to, is missing or wrong."""


class SetupError(LakehouseError):
    """The machine lacks something the stack needs."""


class StackError(LakehouseError):
    """A part of the embedded stack is not as it should be."""


class PartNotHealthy(StackError):
    """A part did not become healthy in time."""


class StreamError(LakehouseError):
    """The lake writer must not go on."""


class WriterAlreadyRunning(StreamError):
    """Another process holds the lake's lock."""


class CheckpointMismatch(StreamError):
    """Checkpoint and tables do not belong together."""


class UpgradeRefused(StreamError):
    """This version of the code cannot go on from the tables that are there."""


class TableDamaged(StreamError):
    """A table does not hold what the ledger says it holds."""


class RecordsGone(StreamError):
    """The topic no longer has records that were never read."""


class NeedsAPerson(StreamError):
    """Supervision found what no restart heals. Its incident is open."""


class NothingToHeal(StreamError):
    """A repair was asked for where nothing is wrong, or something else is."""


class LedgerImbalance(StreamError):
    """Rows or cents of a batch do not add up."""


class TableRequestFailed(LakehouseError):
    """The lake writer could not do what was asked of it, or has not come to it yet."""


class TableRequestRefused(TableRequestFailed):
    """What was asked cannot be done: asking again does not help."""


class PublishError(LakehouseError):
    """Nothing was published."""


class GateFailed(PublishError):
    """An hour is not as it should be: ledger and lake disagree, or an expectation does not hold."""


class NothingToPublish(GateFailed):
    """The stream has not closed a batch yet: nothing could be looked at."""


class QualityFailed(GateFailed):
    """An expectation of severity `fail` does not hold for an hour, or could not be judged."""


class SuiteUnusable(GateFailed):
    """The suite of a table is missing, is about another one, or could not judge anything."""


class RequestRefused(PublishError):
    """A run asks for what cannot be published: asking again does not help."""


class StalePublisher(PublishError):
    """A newer version of that hour is already published."""


class RedriveError(LakehouseError):
    """Rejected records could not be sent again, or not all of them: the next run goes on."""


class RedriveRefused(RedriveError):
    """A run asks for what cannot be done: asking again does not help."""


class RebuildFailed(LakehouseError):
    """Hours could not be rebuilt, compared or swapped: no table was changed by that."""


class RebuildRefused(RebuildFailed):
    """What was asked for, or found, cannot be swapped: asking again does not help."""


class SimulatorError(LakehouseError):
    """The simulator cannot do what was asked."""


class AirflowApiError(LakehouseError):
    """The Airflow API refused or did not answer."""
