"""What to show of a big graph: leaves folded, chains fused, repeats rolled, modules closed, and every box counted.

A plan sends every recorded node to one box. Boxes are made of nodes that are neighbors in the order of creation, or
of chains with one way out, so the picture has no cycles that the tape does not have.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from typing import Any

from .labels import plural
from .schema import LEAF_KINDS, Edge, Graph, Scope, ViewNode

MAX_NODES = 150  # more boxes than this nobody reads
FEW_INPUTS = 3  # this many inputs of a closed box are drawn, not folded into it
LONGEST_BODY = 12  # a repeat of more items than this is not looked for


@dataclass(frozen=True)
class Plan:
    """What `GraphView.collapse` was asked for; None means: as the budget of boxes demands."""

    level: str = "auto"
    max_nodes: int = MAX_NODES
    depth: int | None = None
    roll: bool | None = None
    fuse: bool | None = None
    params: str = "fold"
    consts: str = "fold"
    layers: bool = True

    def __post_init__(self) -> None:
        for what, found, expected in (
            ("level", self.level, ("auto", "none")),
            ("params", self.params, ("fold", "nodes")),
            ("consts", self.consts, ("fold", "nodes")),
        ):
            if found not in expected:
                raise ValueError(f"collapse: {what}: found {found!r}; expected {' or '.join(map(repr, expected))}")
        if self.max_nodes < 2 or self.depth is not None and self.depth < 0:
            raise ValueError(
                "collapse: expected max_nodes of at least 2 and a depth of at least 0; "
                f"found max_nodes={self.max_nodes}, depth={self.depth}"
            )


def collapse(whole: Any, plan: Plan) -> Any:
    """The view of `whole` that a plan asks for."""
    if plan.level == "none":
        return replace(whole, plan=plan, whole=whole)
    work = Work(whole, plan)
    deepest = max((len(chain) for chain in work.chains.values()), default=0)
    depths = [None, *range(deepest - 1, -1, -1)] if plan.depth is None else [plan.depth]
    fuses = [False, True] if plan.fuse is None else [plan.fuse]
    rolls = [False, True] if plan.roll is None else [plan.roll]
    tries = [(depths[0], rolls[0], fuse) for fuse in fuses]
    tries += [(depth, rolls[-1], fuses[-1]) for depth in depths]
    for depth, roll, fuse in dict.fromkeys(tries):
        boxes = work.boxes(depth, roll, fuse)
        if len(set(boxes)) <= plan.max_nodes:
            break
    else:
        boxes = work.chunks(boxes)
    return work.draw(boxes)


def planned(view: Any) -> Any:
    """The view if it was collapsed by its user, else its automatic collapse: what the writers draw."""
    if view.plan is not None:
        return view
    whole = view.whole or view
    if not whole.drawn:
        whole.drawn.append(collapse(whole, Plan()))
    return whole.drawn[0]


class Work:
    """One collapse under way. A box is a hashable key; a node that stands for itself has its own index as key."""

    def __init__(self, whole: Graph, plan: Plan):
        self.whole, self.plan = whole, plan
        self.index = {node.id: i for i, node in enumerate(whole.nodes)}
        self.edges = [(self.index[e.src], self.index[e.dst]) for e in whole.edges]
        self.consumers: dict[int, list[int]] = defaultdict(list)
        for src, dst in self.edges:
            self.consumers[src].append(dst)
        self.leaf = leaf = [node.kind in LEAF_KINDS for node in whole.nodes]
        self.scopes = {scope.id: scope for scope in whole.scopes}
        self.chains: dict[str | None, tuple[str, ...]] = {None: ()}
        for scope in whole.scopes:
            self.chains[scope.id] = (*self.chains[scope.parent], scope.id)
        scopes = Counter([node.scope for node, is_leaf in zip(whole.nodes, leaf, strict=True) if not is_leaf])
        self.several = several = Counter[str | None]()
        for inner, n in scopes.items():
            for around in self.chains[inner]:
                several[around] += n
        self.layer = {  # scope -> the outermost layer around it that is more than one operation
            scope: next((s for s in chain if self.scopes[s].layer and several[s] > 1), None)
            for scope, chain in self.chains.items()
        }
        self.rolled: dict[object, tuple[str, int]] = {}  # box -> (title, repeats)

    def boxes(self, depth: int | None, roll: bool, fuse: bool) -> list:
        """The box of every node."""
        boxes: list = list(range(len(self.whole.nodes)))
        for i, node in enumerate(self.whole.nodes) if self.plan.layers and any(self.layer.values()) else ():
            box = self.layer[node.scope]
            if box is not None and not self.leaf[i]:
                boxes[i] = box
        if depth is not None:
            for i, node in enumerate(self.whole.nodes):
                chain = self.chains[node.scope]
                if not self.leaf[i] and len(chain) > depth and (boxes[i] == i or chain.index(boxes[i]) >= depth):
                    boxes[i] = chain[depth]
        if roll:
            self.roll(boxes)
        if fuse:
            self.fuse(boxes)
        self.fold(boxes)
        return boxes

    # ---- the four ways to need fewer boxes -------------------------------------------------------------------

    def fold(self, boxes: list) -> None:
        """Put leaves into the box that alone uses them: parameters and numbers, and arrays where they are many."""
        nodes = self.whole.nodes
        closed = Counter([box for box, leaf in zip(boxes, self.leaf, strict=True) if not leaf])
        users: dict[int, object] = {}  # leaf -> the one box that uses it
        for i, leaf in enumerate(self.leaf):
            if leaf:
                found = {boxes[j] for j in self.consumers[i]}
                if len(found) == 1:
                    (users[i],) = found
        inputs = Counter(user for i, user in users.items() if nodes[i].kind in ("data", "leaf"))
        for i, user in users.items():
            if nodes[i].kind == "data" and self.own(i):
                fold = self.plan.consts == "fold"
            elif nodes[i].kind in ("data", "leaf"):
                fold = closed[user] > 1 and inputs[user] > FEW_INPUTS
            else:
                wanted = self.plan.params if nodes[i].kind == "param" else self.plan.consts
                fold = wanted == "fold" or closed[user] > 1
            if fold:
                boxes[i] = user

    def own(self, i: int) -> bool:
        """Whether an array without a name was made by the layer that alone uses it, as the mask of a dropout."""
        scopes = {self.whole.nodes[j].scope for j in self.consumers[i]}
        return self.whole.nodes[i].op == "data" and all(s is not None and self.scopes[s].layer for s in scopes)

    def fuse(self, boxes: list) -> None:
        """Join an elementwise operation to the elementwise operation that alone uses it."""
        nodes = self.whole.nodes
        for i in range(len(nodes) - 1, -1, -1):
            users = set(self.consumers[i])
            if not nodes[i].elementwise or boxes[i] != i or len(users) != 1:
                continue
            (user,) = users
            if (
                nodes[user].elementwise
                and nodes[user].scope == nodes[i].scope
                and (boxes[user] == user or isinstance(boxes[user], tuple) and boxes[user][0] == "chain")
            ):
                boxes[i] = boxes[user] = boxes[user] if boxes[user] != user else ("chain", user)

    def roll(self, boxes: list) -> None:
        """Put the repeats of a sequence of modules or operations into one box."""
        inside: dict[str | None, list] = defaultdict(list)  # scope -> its items: (key, scope or None, nodes)
        for i, node in enumerate(self.whole.nodes):
            if self.leaf[i]:
                continue
            chain = (None, *self.chains[node.scope])
            for parent, child in zip(chain, (*chain[1:], None), strict=True):
                items = inside[parent]
                if child is None:
                    items.append((("op", node.op, node.shape, node.order), None, [i]))
                elif items and items[-1][1] == child:
                    items[-1][2].append(i)
                else:
                    scope = self.scopes[child]
                    items.append((("scope", scope.alike or scope.name, scope.type), child, [i]))
        for parent in [None, *(s.id for s in self.whole.scopes)]:
            for start, period, repeats in repeats_in([item[0] for item in inside[parent]]):
                items = inside[parent][start : start + period * repeats]
                members = [i for item in items for i in item[2]]
                closed = {boxes[i] for i in members}
                if len(members) < 3 or any(isinstance(boxes[i], tuple) for i in members):
                    continue
                if len(closed) == 1 and isinstance(next(iter(closed)), str):  # the inside of one closed layer
                    continue
                box = ("roll", members[0])
                self.rolled[box] = self.rolled_title(items, period, repeats), repeats
                for i in members:
                    boxes[i] = box

    def rolled_title(self, items: list, period: int, repeats: int) -> str:
        names = [self.scopes[item[1]].name if item[1] else self.whole.nodes[item[2][0]].op for item in items]
        first, last = names[:period], names[-period:]
        same = first == last and all(item[1] for item in items)
        what = ", ".join(first[:3]) + (", …" if period > 3 else "")
        if first == last:
            return f"{what} ×{repeats}" + (" (same parameters)" if same else "")
        return f"{what} … {last[-1]} ×{repeats} (alike)"

    def chunks(self, found: list) -> list:
        """Cut what is still too much into runs of neighbors; leaves go to where they are first used."""
        ops = [i for i, leaf in enumerate(self.leaf) if not leaf]
        last = {found[i]: i for i in ops}
        ordered = sorted(last, key=last.__getitem__)
        boxes = found
        for budget in (self.plan.max_nodes // 2, self.plan.max_nodes // 4):  # leaves need room too
            size = -(-len(ordered) // max(budget, 1))
            chunk = {box: ("chunk", n // size) if size > 1 else box for n, box in enumerate(ordered)}
            boxes = list(found)
            for i in ops:
                boxes[i] = chunk[found[i]]
            for i, leaf in enumerate(self.leaf):
                if leaf:
                    users = list(dict.fromkeys(boxes[j] for j in self.consumers[i]))
                    boxes[i] = users[0] if len(users) == 1 else i
            if len(set(boxes)) <= self.plan.max_nodes:
                return boxes
        for i, leaf in enumerate(self.leaf):
            if leaf and self.consumers[i]:
                boxes[i] = boxes[self.consumers[i][0]]
        return boxes

    # ---- from boxes to a view --------------------------------------------------------------------------------

    def draw(self, boxes: list) -> Graph:
        """The view whose nodes are the boxes."""
        members: dict[object, list[ViewNode]] = defaultdict(list)
        for box, node in zip(boxes, self.whole.nodes, strict=True):
            members[box].append(node)
        position = {box: i for i, box in enumerate(boxes)}
        names: dict[object, str] = {}
        nodes: list[ViewNode] = []
        for box in sorted(members, key=position.__getitem__):
            node = self.box(box, members[box])
            names[box] = node.id
            nodes.append(node)
        many = Counter([box for box, leaf in zip(boxes, self.leaf, strict=True) if not leaf])
        merged: dict[tuple, Edge] = {}
        for edge, (src, dst) in zip(self.whole.edges, self.edges, strict=True):
            a, b = boxes[src], boxes[dst]
            if a == b:
                continue
            single = many[b] <= 1
            key = (a, b, edge.src if single else "", edge.dst if single else "", edge.slot if single else 0)
            old = merged.get(key)
            merged[key] = (
                edge._replace(src=names[a], dst=names[b])
                if old is None
                else old._replace(
                    times=old.times + 1,
                    shape=old.shape if old.shape == edge.shape else None,
                    tracked=old.tracked or edge.tracked,
                    operand="",
                    summed=(),
                )
            )
        outputs = tuple(dict.fromkeys(names[boxes[self.index[o]]] for o in self.whole.outputs))
        shown, all_ = len(nodes), len(self.whole.nodes)
        hidden = any(n.ops > 1 for n in nodes)
        notes = (f"drawn as {plural(shown, 'box')} for {plural(all_, 'node')}",) if hidden else ()
        return replace(
            self.whole,
            nodes=tuple(nodes),
            edges=tuple(merged.values()),
            outputs=outputs,
            plan=self.plan,
            whole=self.whole,
            notes=notes,
        )

    def box(self, box, members: list[ViewNode]) -> ViewNode:
        """The node that stands for the members of one box."""
        if len(members) == 1 and members[0].scope is None:
            return members[0]
        ops = [m for m in members if m.kind not in LEAF_KINDS]
        if len(ops) == 1:
            (op,) = ops
            title = self.layer_title(op)
            named = op if title == op.title else op._replace(title=title)
            return (
                named
                if len(members) == 1
                else named._replace(members=tuple([named if m is op else m for m in members]))
            )
        if len(members) == 1:
            return members[0]
        last = ops[-1]
        common: Scope | None = None
        if isinstance(box, str):
            common = self.scopes[box]
            kind, id_, scope = "module", common.id, common.parent
            title = common.title
        else:
            kind = {"chain": "chain", "roll": "module", "chunk": "block"}[box[0]]
            id_, scope = f"{ops[0].id}…{last.id}", self.shared_scope(ops)
            title = (
                self.rolled[box][0]
                if box[0] == "roll"
                else most_frequent(ops)
                if kind == "block"
                else " · ".join(op.op for op in ops[:4]) + (f" · … ({len(ops)})" if len(ops) > 4 else "")
            )
        times = [m.time_ns for m in members if m.time_ns is not None]
        return ViewNode(
            id_,
            kind,
            kind,
            last.shape,
            last.dtype,
            last.nbytes,
            scope,
            "",
            max(m.order for m in ops),
            min(m.step for m in ops if m.step is not None),
            last.uses,
            (),
            any(m.freed for m in ops),
            last.grad_norm,
            None,
            sum(times) if times else None,
            False,
            title,
            tuple(members),
        )

    def layer_title(self, node: ViewNode) -> str:
        """What a layer of one operation is called, where the operation does not say it: Dropout, which multiplies."""
        scope = self.scopes.get(node.scope or "")
        if scope is None or not scope.layer or not self.plan.layers or self.several[scope.id] > 1 or node.name:
            return node.title
        layer = scope.type.split("(")[0]
        plain = node.op.replace("_", "")
        return node.title if layer == "function" or plain in layer.lower() or layer.lower() in plain else layer

    def shared_scope(self, ops: list[ViewNode]) -> str | None:
        """The innermost scope that all of some nodes are in."""
        first, *others = dict.fromkeys([op.scope for op in ops])
        common = self.chains[first]
        for scope in others:
            common = tuple(a for a, b in zip(common, self.chains[scope], strict=False) if a == b)
        return common[-1] if common else None


def repeats_in(keys: list) -> list[tuple[int, int, int]]:
    """(start, period, repeats) of the sequences that follow on themselves, from left to right, the longest first.

    >>> repeats_in(list("xababaz"))
    [(1, 2, 2)]
    """
    found, i = [], 0
    while i < len(keys):
        best = (0, 0, 0)
        for period in range(1, min(LONGEST_BODY, (len(keys) - i) // 2) + 1):
            repeats = 1
            while (
                keys[i + (repeats - 1) * period : i + repeats * period]
                == keys[i + repeats * period : i + (repeats + 1) * period]
            ):
                repeats += 1
            if repeats > 1 and period * repeats > best[0]:
                best = period * repeats, period, repeats
        if best[0]:
            found.append((i, best[1], best[2]))
            i += best[0]
        else:
            i += 1
    return found


def most_frequent(ops: list[ViewNode]) -> str:
    """The most frequent operations of a block, as in: 30 multiply, 12 add, 8 others."""
    counts = Counter(op.op for op in ops).most_common()
    parts = [f"{n} {name}" for name, n in counts[:3]]
    rest = sum(n for _, n in counts[3:])
    return ", ".join(parts + ([f"{rest} others"] if rest else []))
