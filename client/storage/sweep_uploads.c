/* SPDX-License-Identifier: MIT */
/* Uploads that nobody will end. */
#include "storage/sweep_inner.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "storage/files.h"
#include "storage/plan.h"

/* Has anything come since it was read? Whoever goes on with it writes to `data`, or makes a file in it. */
static bool is_still_dead(const struct sweep *w, const char *path)
{
	struct stat st;
	const int fd = files_open_folder(w->storage->v2, path);
	bool dead;

	if (fd < 0)
		return false;
	dead = fstat(fd, &st) == 0 && w->now - st.st_mtime > PLAN_UPLOAD_AGE;
	if (dead && fstatat(fd, "data", &st, AT_SYMLINK_NOFOLLOW) == 0)
		dead = w->now - st.st_mtime > PLAN_UPLOAD_AGE;
	close(fd);
	return dead;
}

static int remove_one(struct sweep *w, const struct store_repository *repository,
		      const struct store_upload *u)
{
	char path[LAYOUT_MAX];
	int n, r;

	n = snprintf(path, sizeof(path), "repositories/%s/_uploads/%s", repository->name, u->id);
	if (n < 0 || (size_t)n >= sizeof(path) || !is_still_dead(w, path))
		return 0;
	/* At once, by a rename: half an upload would look as if somebody were at work on it. */
	r = trash_take(w->storage->v2, path, w->aside);
	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return sweep_failed(w, PROBLEM_ACCESS, NULL, path, "cannot be removed", r);
	w->result.uploads.count++;
	w->result.uploads.bytes += (uint64_t)u->size;
	sweep_log(w, "deleted: upload %s/%s (%lld bytes)", repository->name, u->id, (long long)u->size);
	r = trash_wipe(w->aside);
	if (r < 0 && r != -ENOMEM)
		r = sweep_failed(w, PROBLEM_ACCESS, NULL, path, "was taken away and cannot be deleted", r);
	return r;
}

int sweep_uploads(struct sweep *w, const struct store *s)
{
	int r = 0;

	for (uint32_t i = 0; i < s->nrepositories; i++) {
		const struct store_repository *repository = &s->repositories[i];

		for (uint32_t u = 0; u < repository->nuploads && r == 0; u++) {
			if (!plan_upload_is_dead(&repository->uploads[u], w->now))
				continue;
			r = sweep_interrupted(w) ? -EINTR
						 : remove_one(w, repository, &repository->uploads[u]);
		}
	}
	return r;
}
