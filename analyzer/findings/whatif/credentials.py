"""Credentials come from another source: they are there when a call asks (`ready`), or an agent on the host gives them (`agent`).

Ready are those of the environment, of a file, or fetched when the program starts and refreshed before they expire. An agent (an ECS task
role, EKS Pod Identity) takes one request on one connection: as long as such dialogues took in the capture, else as opening a connection to
the metadata service and one of its answers took.
"""

from __future__ import annotations

from analyzer.findings.imds import ENDPOINTS, askers
from analyzer.findings.whatif.distribution import quartiles
from analyzer.findings.whatif.hop_limit import USUAL
from analyzer.findings.whatif.scene import CREDENTIALS, NOTHING, Lengths, Scene
from analyzer.findings.words import median, plural
from analyzer.units import duration

AGENTS = frozenset({"ecs-credentials", "eks-pod-identity"})


def credentials(scene: Scene, source: str) -> str | None:
    """Replace what calls waited for credentials; return why nothing changes, None where something does."""
    waiting = [call for call in scene.left() if call.credentials_ns]
    if not waiting:
        return "no call waited for credentials"
    agent = source == "agent"
    asked = {span.dialogue_id for call in waiting for span in scene.view.spans_of(call) if span.dialogue_id is not None}
    if agent and all(scene.view.calls[number].service in AGENTS for number in asked if number in scene.view.calls):
        return "the credentials come from an agent already"
    instead = _agent(scene) if agent else NOTHING
    waited = duration(median(call.credentials_ns for call in waiting))
    does = "does" if len(waiting) == 1 else "do"
    but = f" but {duration(instead.likely)}" if agent else ""
    scene.notes.append(f"{plural(len(waiting), 'call')} {does} not wait {waited} (median){but}")
    for call in waiting:
        for part in scene.parts(call):
            if part.where == CREDENTIALS:
                part.set(NOTHING)
        if agent:
            scene.insert(call, "wait", CREDENTIALS, instead)
    return None


def _agent(scene: Scene) -> Lengths:
    """Return what one request to an agent takes, its connection included."""
    done = [call.duration_ns for call in scene.view.dialogues if call.service in AGENTS and call.ok and call.truncated is None]
    if done:
        return quartiles(done)
    steps = [
        row.response_end_ns - dialogue.begin(row)
        for group in askers(scene.view, ENDPOINTS)
        for dialogue in group
        for row in dialogue.exchanges
        if row.outcome == "ok" and row.response_end_ns is not None and row.index_on_connection == 0
    ]
    return quartiles(steps) if steps else USUAL
