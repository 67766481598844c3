/* SPDX-License-Identifier: MIT */
/*
 * Names that went along with another: a signature with its image, every name of a digest. A program that has
 * listed them before comes for each, and is told that it is gone already, as it wished, and not that it does
 * not exist: so find -delete and rm -r end with success. Everybody else sees at once that it is gone. With
 * the lock.
 */
#ifndef FS_ALONG_H
#define FS_ALONG_H

#include "repository.h"

/* pid's removal of another name took this one as well. To be called while its attributes are still known. */
void along_note(struct tag *tag, int pid);
/* Does the name still resolve, so that it can be removed once more? */
bool along_has(const struct tag *tag);
/* What the program that removed it, or one that ran that program, sees of it. False: it sees nothing. */
bool along_shows(struct tag *tag, int pid, struct attributes *ret);
/* It is removed once more: true, and from now on it is gone for everybody. */
bool along_take(struct tag *tag);
void along_forget(struct tag *tag); /* the name is there again, or its repository goes */

#endif
