/* SPDX-License-Identifier: MIT */
/*
 * The known ways of the registry's collector to destroy something or to fail: the manual has the same names.
 */
#include "storage/verdict.h"

static const struct {
	const char *name, *text;
} bugs[] = {
	[BUG_NONE] = {"", "the collector does not know that it is needed; use --engine=builtin"},
	[BUG_B1] = {"B1",
		    "version 3 with --delete-untagged loses the layers of an image whose index lies in two "
		    "repositories and is incomplete in the first; push the missing image there again, or "
		    "use --engine=builtin"},
	[BUG_B2] = {"B2",
		    "version 3 with --delete-untagged keeps an untagged manifest that is tagged in another "
		    "repository, but removes its layers' links; delete that manifest by its digest, or use "
		    "--engine=builtin"},
	[BUG_B3] = {"B3",
		    "version 2 with --delete-untagged removes the images of tagged multi-platform indexes "
		    "(distribution#3178, fixed in version 3); leave --delete-untagged out, or use "
		    "--engine=builtin"},
	[BUG_B4] = {"B4",
		    "version 2 with --delete-untagged ends at the first repository that has manifests and "
		    "never had a tag (fixed in version 3); tag one of them, or use --engine=builtin"},
	[BUG_B5] = {"B5",
		    "the collector ends at the first link file that is empty or holds no digest, as a crash "
		    "leaves it (distribution#1960, all versions); write the digest of its own path into it "
		    "or remove its folder, or use --engine=builtin"},
	[BUG_B6] = {"B6", "the collector ends at a file `data` below blobs/ whose folder is no digest (all "
			  "versions); move it out of blobs/, or use --engine=builtin"},
	[BUG_B7] = {"B7",
		    "the collector passes over a manifest that it cannot find and removes the layers that "
		    "it alone knows (all versions); push that image again, or delete its manifest by the "
		    "registry or its revision's folder by hand"},
	[BUG_B8] = {"B8",
		    "the collector fails where nothing was pushed yet (distribution#3058, all versions); "
		    "there is nothing to collect"},
	[BUG_B9] = {"B9", "version 3 ends at the first repository without a folder _layers, such as one of "
			  "indexes alone (distribution-library-image#172); make that folder, or use "
			  "--engine=builtin"},
	[BUG_B12] = {"B12",
		     "the collector with --delete-untagged removes signatures and other referrers that are "
		     "pushed by their digest alone (all versions); leave --delete-untagged out, or use "
		     "--engine=builtin"},
	[BUG_B15] = {"B15",
		     "the collector ends at the first manifest that it cannot read, and version 3 cannot "
		     "read schema 1 any more; delete that manifest, or use --engine=builtin"},
	[BUG_B17] = {"B17",
		     "the collector with --delete-untagged removes the manifests of a repository in which it "
		     "never saw a tag (version 3), or which has no folder _layers (version 2), and leaves "
		     "their links: the registry goes on naming what is gone; delete those manifests by their "
		     "digests, or use --engine=builtin, which does it right"},
};

const char *bug_name(enum bug b)
{
	return bugs[b].name;
}

const char *bug_text(enum bug b)
{
	return bugs[b].text;
}
