"""The error of this package."""

from include.errors import LakehouseError


class MetabaseError(LakehouseError):
    """Metabase refused, did not answer, or is none. `status`: its HTTP status, if it gave one."""

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status
