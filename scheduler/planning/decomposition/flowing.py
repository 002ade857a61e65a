"""What is expected gives way to jobs, and flows where least is emitted: exactly, by chains of portions that give way.

What it emits depends only on how much of it runs in which row. So rows are filled in turn, the cleanest first: while
fluid in a dirtier row, or what has found no room, can move there, by a chain of portions that each give way, it moves.
"""

from __future__ import annotations

from scheduler.planning.decomposition.bed import TINY, Bed, Chains, put_in
from scheduler.planning.decomposition.bits import add, copy_set, empty, has, least
from scheduler.planning.decomposition.compiled import inlined, lean

_DIRTIER = 1e-9
"""Share by which a row is dirtier than another for more than rounding; with money weighed both may be below zero."""


@lean
def flow(bed: Bed) -> float:
    """Give way to jobs, and flow again so that least is emitted: how much that is [g]."""
    for row in range(bed.now.left.size):
        e = 0
        while bed.now.left[row] < 0 and e < bed.now.short.size:
            some = min(bed.now.held[row, e], -bed.now.left[row])
            if some > 0:
                put_in(bed, e, row, -some)
                bed.now.left[row] += some
                bed.now.short[e] += some
            e += 1
    _level(bed)
    total = 0.0
    for row in range(bed.now.left.size):
        total += (bed.room[row] - bed.now.left[row]) * bed.rate[row]
    for e in range(bed.now.short.size):
        total += bed.now.short[e] * bed.dearest
    return total * bed.grams


@lean
def worths(bed: Bed) -> None:
    """Note what a place and second of each row is worth, right after all has flowed.

    What must give way there runs in the cleanest row with room that any chain leads to. Where more must, each costs as
    much or more: to take places in several rows costs at least the sum.
    """
    _forget(bed.chains)
    for row in range(bed.now.left.size):
        bed.worth[row] = max(0.0, bed.dearest - bed.rate[row]) * bed.grams
    for target in range(bed.now.left.size - 1, -1, -1):
        if bed.now.left[target] <= TINY or has(bed.chains.vain_rows, target):
            continue
        bed.worth[target] = 0.0
        if not _reach(bed, target):
            # It must not be reached from a dirtier row, as if what is there had to go so far.
            add(bed.chains.vain_rows, target)
        else:
            for w in range(bed.chains.rows.size):
                reached = bed.chains.rows[w] & ~bed.chains.vain_rows[w]
                while reached:
                    row, reached = least(w, reached)
                    bed.worth[row] = max(0.0, bed.rate[target] - bed.rate[row]) * bed.grams
            _note_vain(bed.chains)


@lean
def _level(bed: Bed) -> None:
    """Only into rows that have gained room, or into any while some fluid has none: into the others nothing could move
    before, and nothing has become easier.

    What a cleaner row was reached from in vain need not be looked at from a dirtier one.
    """
    _forget(bed.chains)
    some_short = _is_short(bed)
    for target in range(bed.now.left.size - 1, -1, -1):
        if not some_short and not bed.gained[target]:
            continue
        while bed.now.left[target] > TINY and not has(bed.chains.vain_rows, target) and _reach(bed, target):
            if not _push_from_all(bed, target, some_short):
                _note_vain(bed.chains)
            some_short = some_short and _is_short(bed)
        bed.gained[target] = False


@lean
def _is_short(bed: Bed) -> bool:
    found = False
    for e in range(bed.now.short.size):
        found = found or bed.now.short[e] > TINY
    return found


@inlined
def _forget(chains: Chains) -> None:
    empty(chains.vain_rows)
    empty(chains.vain_portions)


@inlined
def _note_vain(chains: Chains) -> None:
    copy_set(chains.rows, chains.vain_rows)
    copy_set(chains.portions, chains.vain_portions)


@inlined
def _reach(bed: Bed, target: int) -> bool:
    """Find from which rows and portions fluid can move to `target`, and how; whether there may be any.

    Each set begins with those that were reached in vain.
    """
    queue, rows, portions = bed.chains.queue, bed.chains.rows, bed.chains.portions
    copy_set(bed.chains.vain_portions, portions)
    some_fit = False
    for v in range(portions.size):
        some_fit = some_fit or (bed.now.fits[target, v] & ~portions[v]) != 0
    if some_fit:
        copy_set(bed.chains.vain_rows, rows)
        add(rows, target)
        queue[0], count, at = target, 1, 0
        while at < count:
            row = queue[at]
            at += 1
            for v in range(portions.size):
                fresh = bed.now.fits[row, v] & ~portions[v]
                portions[v] |= fresh
                while fresh:
                    e, fresh = least(v, fresh)
                    bed.chains.into[e] = row
                    for w in range(rows.size):
                        more = bed.now.holds[e, w] & ~rows[w]
                        rows[w] |= more
                        while more:
                            other, more = least(w, more)
                            bed.chains.out_of[other] = e
                            queue[count] = other
                            count += 1
    return some_fit


@lean
def _push_from_all(bed: Bed, target: int, some_short: bool) -> bool:
    """What is short, then from each dirtier row that was reached, the dirtiest first, as far as its chain lets anything
    through; whether there was any."""
    any_there, chains = False, bed.chains
    for e in range(bed.now.short.size if some_short else 0):
        fresh = has(chains.portions, e) and not has(chains.vain_portions, e)
        if fresh and bed.now.short[e] > TINY and bed.now.left[target] > TINY:
            _push(bed, target, -1, e)
            any_there = True
    dirtier = bed.rate[target] + _DIRTIER * abs(bed.rate[target])
    for w in range(chains.rows.size):
        reached = chains.rows[w] & ~chains.vain_rows[w]
        while reached:
            source, reached = least(w, reached)
            if bed.rate[source] <= dirtier or bed.now.left[target] <= TINY:
                return any_there
            any_there = True
            if chains.out_of[source] >= 0:
                _push(bed, target, source, chains.out_of[source])
    return any_there


@inlined
def _push(bed: Bed, target: int, source: int, first: int) -> None:
    """Move as much of portion `first` out of a row, or of what is short of it where `source` is -1, as the chain lets
    through; where that is nothing, note it for those behind."""
    into, out_of = bed.chains.into, bed.chains.out_of
    some = min(bed.now.left[target], bed.now.short[first] if source < 0 else bed.now.held[source, first])
    e, row = first, into[first]
    some = min(some, bed.most[row, e] - bed.now.held[row, e])
    while row != target and some > 0:
        e = out_of[row]
        if e < 0:
            some = 0.0
        else:
            some = min(some, bed.now.held[row, e])
            row = into[e]
            some = min(some, bed.most[row, e] - bed.now.held[row, e])
    if some <= 0:
        blocked = source if source >= 0 else into[first]
        while blocked != row and out_of[blocked] >= 0:
            e = out_of[blocked]
            out_of[blocked] = -1
            blocked = into[e]
    else:
        e, row = first, source
        if source < 0:
            bed.now.short[e] -= some
        else:
            put_in(bed, e, row, -some)
            bed.now.left[row] += some
            bed.gained[row] = True
        row = into[e]
        put_in(bed, e, row, some)
        while row != target:
            e = out_of[row]
            put_in(bed, e, row, -some)
            row = into[e]
            put_in(bed, e, row, some)
        bed.now.left[target] -= some
