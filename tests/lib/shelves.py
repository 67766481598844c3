# SPDX-License-Identifier: MIT
"""A registry with everything in it that makes removing by age hard, and which of its tags are old."""
from lib import images as im
from lib.model import Registry, Repository
from lib.shell import days_ago

OLD, YOUNG = 60, 5


def old(**more):
    return im.image(days_ago(OLD), **more)


def young(**more):
    return im.image(days_ago(YOUNG), **more)


def dated_index(days, children, **more):
    return im.index(children, annotations={im.CREATED: days_ago(days)}, **more)


def both(make, **more):
    return [make(platform=p, layers=[im.layer(f"{p} {make.__name__} {more}\n"), im.DEFAULT_LAYER], **more)
            for p in ("linux/amd64", "linux/arm64")]


class Shelf:
    """Builds one repository: what stays, what is old."""

    def __init__(self):
        self.tags, self.old, self.loose = {}, set(), []

    def stays(self, **tags):
        self.tags.update({name.replace("_", "."): image for name, image in tags.items()})

    def goes(self, **tags):
        self.stays(**tags)
        self.old.update(name.replace("_", ".") for name in tags)

    def signed(self, subject, gone, suffix=".sig"):
        tag = im.signature_tag(subject, suffix)
        self.tags[tag] = im.signature()
        self.old.update({tag} if gone else ())

    def referred(self, subject, gone, native, *artifacts):
        """Artifacts of a subject; where the registry does not list them the client that pushes them does."""
        self.loose += artifacts
        if not native:
            tag = im.signature_tag(subject, "")
            self.tags[tag] = im.index(artifacts)
            self.old.update({tag} if gone else ())


def plain():
    """Tags of their own, digests with several names, images without a date, in Docker's types and in OCI's."""
    shelf = Shelf()
    one, two, new = old(layers=[im.layer("one\n"), im.DEFAULT_LAYER]), old(docker=True), young()
    shelf.goes(v1=one, v1_0=one, one=one, v2=two, single=old())
    shelf.stays(v3=new, latest=new, docker=young(docker=True), undated=im.image(), epoch=im.image("1970-01-01T00:00:00Z"),
                zero=im.image("0001-01-01T00:00:00Z"))
    shelf.loose.append(old(layers=[im.layer("pulled by digest\n")]))
    return shelf


def nested(above):
    """Below another repository, with the same digests as that one."""
    shelf = Shelf()
    shelf.goes(v1=above.tags["v1"], old=old())
    shelf.stays(latest=above.tags["latest"])
    return shelf


def platforms():
    shelf = Shelf()
    pair = both(old, serial="pair")
    shelf.goes(m1=im.index([*pair, im.attestation(pair[0]), im.attestation(pair[1])]), m1_amd64=pair[0])
    tagged, other = young(serial="tagged"), old(serial="other")
    shelf.goes(m2=dated_index(OLD, [tagged, other, im.attestation(other)]))
    shelf.stays(m2_amd64=tagged)  # its index goes, it stays
    within, beside = old(serial="within"), young(platform="linux/arm64", serial="beside")
    shelf.stays(m3=im.index([within, beside, im.attestation(beside)]))
    shelf.goes(m3_amd64=within)  # its name goes, what it names stays in the index
    twice = im.index(both(old, serial="twice"))
    shelf.goes(m4=twice, m4_latest=twice)
    shelf.goes(l1=im.index(both(old, docker=True), docker=True))
    shelf.stays(l2=im.index(both(young, docker=True), docker=True))
    common, left, right = young(serial="common"), old(serial="left"), young(serial="right")
    shelf.goes(s_old=dated_index(OLD, [common, left]))
    shelf.stays(s_new=dated_index(YOUNG, [common, right]))
    common = old(docker=True, serial="of lists")
    shelf.goes(d_old=im.index([common, old(docker=True, platform="linux/arm64")], docker=True))
    shelf.stays(d_new=im.index([common, young(docker=True, platform="linux/arm64")], docker=True))
    return shelf


def signatures(native):
    shelf = Shelf()
    gone, here = old(), young()
    shelf.goes(x1=gone)
    shelf.stays(y1=here)
    for suffix in (".sig", ".att", ".sbom"):
        shelf.signed(gone, True, suffix)
        shelf.signed(here, False, suffix)
    tagged = im.artifact(days_ago(YOUNG), subject=gone)
    shelf.goes(sbom=tagged)  # it ages with what it refers to
    shelf.referred(gone, True, native, im.artifact(subject=gone), tagged)
    shelf.referred(here, False, native, im.artifact(subject=here), im.signature(subject=here))
    going, staying = both(old, serial="signed"), both(young, serial="signed")
    shelf.goes(mx=im.index(going))
    shelf.stays(my=im.index(staying))
    shelf.signed(going[0], True)
    shelf.signed(shelf.tags["mx"], True)
    shelf.signed(staying[0], False)
    shelf.referred(going[1], True, native, im.artifact(subject=going[1]))
    shelf.referred(staying[1], False, native, im.artifact(subject=staying[1]))
    shelf.signed(young(), False)  # of an image that is not here: nobody can say how old it is
    return shelf


def bygone():
    shelf = Shelf()
    shelf.goes(a=old(), b=old(docker=True), c=im.index(both(old)))
    return shelf


def everything(native_referrers):
    """(registry, {repository: its old tags})."""
    web = plain()
    shelves = {"shop/web": web, "shop/web/admin": nested(web), "multi": platforms(),
               "team/signed": signatures(native_referrers), "team/bygone": bygone()}
    return (Registry({name: Repository(shelf.tags, shelf.loose) for name, shelf in shelves.items()}),
            {name: shelf.old for name, shelf in shelves.items()})
