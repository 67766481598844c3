# SPDX-License-Identifier: MIT
"""Rules: which requests the fault registry treats badly, and how.

A rule is a flat dictionary, so that it travels as JSON. What selects a request:
    kind        ping catalog tags manifest blob referrers token other
    by          tag or digest: how a manifest is named
    repository, reference, method    regular expressions for the whole value
    listener    main or other (the second port, where redirects lead)
    after, times    leave the first `after` matches alone, then act `times` times
    nth         act at that match alone, the first is 1
    chance, seed    act at this share of the matches, drawn from a generator that begins with the seed
What happens to it is listed in EFFECTS; rules that match together are merged, the later one wins.

Of a request that would change something, an effect that replaces or withholds its answer (REPLACING) means that it is
not done, and any other that it is. `do` says it outright:
    do=True, reset=True      done, then the connection is cut: nobody was told
    do=True, status=500      done, and the answer denies it
    do=False                 a lie: answered as if it had been done
"""
import random
import re

SELECTORS = {"kind", "by", "repository", "reference", "method", "listener", "after", "times", "nth", "chance", "seed"}
EXACT = ("kind", "by", "listener")
EFFECTS = {
    "status", "body", "type", "headers",      # another answer; body in base64
    "clock",                                  # the Date of a clock that goes so many seconds ahead, when the request comes
    "fill",                                   # a body of that many spaces
    "raw",                                    # these bytes (base64) instead of HTTP, then close
    "redirect",                               # 307 to that base URL; "other": the second port
    "delay",                                  # seconds before the answer
    "hang",                                   # request: no answer; headers, body: stop after those
    "hold",                                   # until Control.release. request: it is not looked at before; answer:
                                              # it is done, and not answered before. Also if the client has gone
    "do",                                     # see above
    "cut",                                    # close after that many bytes of the body
    "reset",                                  # close before the answer
    "length",                                 # added to Content-Length
    "chunked",                                # Transfer-Encoding: chunked, no Content-Length
    "drip",                                   # seconds between single bytes of the body
    "corrupt",                                # the first byte of the body is another one
    "digest",                                 # Docker-Content-Digest; "" leaves it out
    "ignore_range",                           # 200 with everything
    "names", "null",                          # a listing's names, in that order; or null
    "link", "ignore_n", "ignore_last", "page", "order",  # see listing.py
}


REPLACING = {"status", "raw", "redirect", "reset"}


def is_done(effect):
    """Is a change with this effect to be made?"""
    return effect.get("do", not REPLACING & set(effect) and effect.get("hang") != "request")


class Rule:
    def __init__(self, number, fields):
        unknown = set(fields) - SELECTORS - EFFECTS
        if unknown:
            raise ValueError(f"a rule cannot have {sorted(unknown)}")
        self.number = number
        self.effect = {k: v for k, v in fields.items() if k in EFFECTS}
        self.exact = {k: fields[k] for k in EXACT if k in fields}
        self.patterns = {k: re.compile(fields[k]) for k in ("repository", "reference", "method")
                         if k in fields}
        self.after = fields.get("after", 0)
        self.times = fields.get("times")
        if "nth" in fields:
            self.after, self.times = fields["nth"] - 1, 1
        self.chance = fields.get("chance", 1)
        self.random = random.Random(fields.get("seed"))
        self.seen = 0

    def matches(self, request):
        if any(getattr(request, k) != v for k, v in self.exact.items()):
            return False
        return all(p.fullmatch(getattr(request, k) or "") for k, p in self.patterns.items())

    def take(self, request):
        """Counts the request if it matches; says whether it is to be treated badly."""
        if not self.matches(request):
            return False
        self.seen += 1
        if self.chance < 1 and self.random.random() >= self.chance:
            return False
        turn = self.seen - self.after
        return turn > 0 and (self.times is None or turn <= self.times)


class Rules:
    def __init__(self):
        self.rules = []
        self.made = 0

    def add(self, fields):
        self.made += 1
        self.rules.append(Rule(self.made, fields))
        return self.made

    def remove(self, number):
        """Removes one rule, or with None all of them."""
        self.rules = [r for r in self.rules if number is not None and r.number != number]

    def effect(self, request):
        merged = {}
        for rule in self.rules:
            if rule.take(request):
                merged.update(rule.effect)
        return merged
