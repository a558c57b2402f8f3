"""From a person as the provider vouches for them to the account here.

Invariants: (issuer, subject) finds the account, for ever; a name or an e-mail address never does,
so nobody gets an account that is another's by taking that name at the provider. Groups decide about
roles: what an admin set here lasts until the provider is next asked.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from kchat_search.errors import BadRequest, SignInRefused
from kchat_search.models.people import Person
from kchat_search.models.sign_in import Vouched
from kchat_search.ports.access import People

_NUMBERED = 9
"""«li.lei», «li.lei-2» … «li.lei-9», then the next name that the provider gives."""


def admit(people: People, vouched: Vouched) -> Person:
    """The account of a person, made if there is none, with the roles and the agent id that the
    provider gives.

    Raises `SignInRefused` for whoever has no role, or is disabled here.
    """
    grant = vouched.grant
    before = people.of_provider(grant.issuer, grant.subject)
    if before is None:
        if not vouched.roles:
            raise SignInRefused("no_role")
        return _added(people, vouched)
    person = before
    if vouched.roles != before.roles:  # also where none is left: then sessions and tokens end
        person = people.set_roles(before.name, vouched.roles)
    person = people.follow_claim(person.name, grant.agent_id)
    if not vouched.roles:
        raise SignInRefused("no_role")
    if before.disabled:
        raise SignInRefused("disabled")
    return person


def _added(people: People, vouched: Vouched) -> Person:
    grant = vouched.grant
    for name in _names(vouched):
        try:
            person = people.add(name, vouched.roles, provider=grant.issuer, subject=grant.subject)
            return people.follow_claim(person.name, grant.agent_id)
        except BadRequest as error:
            if error.parameter == "subject":  # another sign-in of the same person was faster
                found = people.of_provider(grant.issuer, grant.subject)
                if found is not None:
                    return found
            if error.parameter != "name":
                raise
    raise AssertionError("the last name is made of a hash, which looks like no other")


def _names(vouched: Vouched) -> Iterator[str]:
    """Names to try, until one is unlike all that are there."""
    for name in vouched.names:
        yield name
        yield from (f"{name}-{number}" for number in range(2, _NUMBERED + 1))
    digest = hashlib.sha256(f"{vouched.grant.issuer}\n{vouched.grant.subject}".encode()).hexdigest()
    # Capitals and small letters that look alike in one script do not occur in it.
    yield f"person-{digest[:12]}"
    yield f"person-{digest}"[:60]
