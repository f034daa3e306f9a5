"""wire_team: the documents of workspaces, users, roles and webhooks."""

from __future__ import annotations

from typing import Any, ClassVar

from loopline.faces.mlflow.asking import Document


class Workspace(Document):
    """What a workspace shall be."""

    name: str | None = None
    description: str | None = None
    default_artifact_root: str = ""
    trace_archival_config: dict[str, Any] | None = None


class CreateWorkspace(Workspace):
    """A workspace that shall be there."""

    needs: ClassVar[tuple[str, ...]] = ("name",)


class DeleteWorkspace(Document):
    """How a workspace goes."""

    mode: str = ""


class OneUser(Document):
    """A user, by name."""

    username: str | None = None
    needs: ClassVar[tuple[str, ...]] = ("username",)


class UpdateAdmin(OneUser):
    """Whether a user may do everything."""

    is_admin: bool | None = None
    needs: ClassVar[tuple[str, ...]] = ("username", "is_admin")


class OnePermission(OneUser):
    """What a user may do to something."""

    resource_type: str | None = None
    resource_id: str | None = None
    needs: ClassVar[tuple[str, ...]] = ("username", "resource_type", "resource_id")


class GrantPermission(OnePermission):
    """What a user shall be allowed."""

    permission: str | None = None
    needs: ClassVar[tuple[str, ...]] = ("username", "resource_type", "resource_id", "permission")


class CreateRole(Document):
    """A role that shall be there."""

    workspace: str | None = None
    name: str | None = None
    description: str | None = None
    needs: ClassVar[tuple[str, ...]] = ("name", "workspace")


class ListRoles(Document):
    """Of which workspaces roles are listed."""

    workspace: tuple[str, ...] = ()


class OneRole(Document):
    """A role, by its number."""

    role_id: int | None = None
    needs: ClassVar[tuple[str, ...]] = ("role_id",)


class UpdateRole(OneRole):
    """What else is said of a role."""

    name: str | None = None
    description: str | None = None


class AddPermission(OneRole):
    """What those who have a role may do."""

    resource_type: str | None = None
    resource_pattern: str | None = None
    permission: str | None = None
    needs: ClassVar[tuple[str, ...]] = ("role_id", "resource_type", "resource_pattern", "permission")


class OneRolePermission(Document):
    """A permission of a role, by its number."""

    role_permission_id: int | None = None
    needs: ClassVar[tuple[str, ...]] = ("role_permission_id",)


class UpdateRolePermission(OneRolePermission):
    """What those who have a role may do instead."""

    permission: str | None = None
    needs: ClassVar[tuple[str, ...]] = ("role_permission_id", "permission")


class AssignRole(OneUser):
    """Who has a role."""

    role_id: int | None = None
    needs: ClassVar[tuple[str, ...]] = ("username", "role_id")


class WebhookEvent(Document):
    """What a webhook tells."""

    entity: str | int | None = None
    action: str | int | None = None


class ListWebhooks(Document):
    """A page of webhooks."""

    max_results: int | None = None
    page_token: str = ""


class Webhook(Document):
    """What a webhook shall be; what is left out stays as it is."""

    name: str | None = None
    url: str | None = None
    events: tuple[WebhookEvent, ...] = ()
    description: str | None = None
    secret: str | None = None
    status: str | int | None = None


class CreateWebhook(Webhook):
    """A webhook that shall be there."""

    needs: ClassVar[tuple[str, ...]] = ("name", "url", "events")


class TestWebhook(Document):
    """What a webhook shall be tried with."""

    event: WebhookEvent | None = None
