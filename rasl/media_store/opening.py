"""The place for files that the settings name."""

from rasl.media_store.base import MediaStore
from rasl.media_store.folder import FolderStore
from rasl.settings import Settings


def open_store(settings: Settings) -> MediaStore:
    """Return the store; nothing is connected yet."""
    if settings.media_store == "folder":
        return FolderStore(settings.data_dir / "media")
    # A folder is the rule: who uses one need not wait for the library of the other.
    from rasl.media_store.bucket import BucketStore  # noqa: PLC0415

    bucket, _, prefix = settings.media_store.removeprefix("s3://").partition("/")
    return BucketStore(
        bucket,
        prefix.strip("/"),
        settings.s3_region,
        settings.s3_endpoint,
        settings.s3_access_key,
        settings.s3_secret_key,
    )
