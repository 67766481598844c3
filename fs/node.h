/* SPDX-License-Identifier: MIT */
/* Node numbers: what the kernel calls an inode is computed from what it stands for. */
#ifndef FS_NODE_H
#define FS_NODE_H

#include <stdint.h>

enum node_kind {
	NODE_DIRECTORY = 1, /* a name space or a repository: directory */
	NODE_TAGS, /* _tags: directory */
	NODE_CONFIGS, /* _configs */
	NODE_MANIFESTS, /* _manifests */
	NODE_TAG, /* directory, index of the tag */
	NODE_CONFIG, /* directory, index of the tag */
	NODE_MANIFEST, /* directory, index of the manifest */
	NODE_SHARED, /* never a node: st_ino of tags whose digest outlived the tag that it was named by */
};

#define NODE_ROOT 1ULL

static inline uint64_t node_make(enum node_kind kind, uint32_t directory, uint32_t entry)
{
	if (kind == NODE_DIRECTORY && directory == 0)
		return NODE_ROOT;
	return (uint64_t)kind << 60 | (uint64_t)(directory & 0xfffffff) << 32 | entry;
}

static inline enum node_kind node_kind(uint64_t node)
{
	return node == NODE_ROOT ? NODE_DIRECTORY : (enum node_kind)(node >> 60);
}

static inline uint32_t node_directory(uint64_t node)
{
	return node == NODE_ROOT ? 0 : (uint32_t)(node >> 32) & 0xfffffff;
}

static inline uint32_t node_entry(uint64_t node)
{
	return (uint32_t)node;
}

#endif
