/* SPDX-License-Identifier: MIT */
#include "storage/filesystem.h"

#include <stdio.h>

#include "util/cleanup.h"

/*
 * linux/magic.h has not all of them. Those that no other machine writes to; one that is not here may be
 * shared, as most that are new are.
 */
bool filesystem_is_local(unsigned long type)
{
	static const unsigned long types[] = {
		0xef53, /* ext2, ext3, ext4 */
		0x58465342, /* xfs */
		0x9123683e, /* btrfs */
		0x2fc12fc1, /* zfs */
		0xca451a4e, /* bcachefs */
		0xf2f52010, /* f2fs */
		0x52654973, /* reiserfs */
		0x3153464a, /* jfs */
		0x3434, /* nilfs */
		0x5346544e, /* ntfs */
		0x7366746e, /* ntfs3 */
		0x4d44, /* msdos, vfat */
		0x2011bab0, /* exfat */
		0x482b, /* hfsplus */
		0x24051905, /* ubifs */
		0x72b6, /* jffs2 */
		0x01021994, /* tmpfs */
		0x858458f6, /* ramfs */
		0x794c7630, /* overlayfs */
		0x61756673, /* aufs */
		0x73717368, /* squashfs */
		0xe0f5e1e2, /* erofs */
		0x9660, /* isofs */
	};

	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (types[i] == (type & 0xffffffff))
			return true;
	return false;
}

const char *filesystem_name(unsigned long type, char buf[static FILESYSTEM_NAME])
{
	static const struct {
		unsigned long type;
		const char *name;
	} known[] = {
		{0x6969, "NFS"},          {0xff534d42, "CIFS"},   {0xfe534d42, "SMB"},
		{0x517b, "SMB"},          {0x01021997, "9p"},     {0x00c36400, "Ceph"},
		{0x65735546, "FUSE"},     {0x01161970, "GFS2"},   {0x7461636f, "OCFS2"},
		{0x0bd00bd0, "Lustre"},   {0x5346414f, "AFS"},    {0x6b414653, "AFS"},
		{0x73757245, "Coda"},     {0x786f4256, "vboxsf"}, {0x47504653, "GPFS"},
		{0x20030528, "OrangeFS"}, {0x19830326, "BeeGFS"}, {0xbacbacbc, "vmhgfs"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (known[i].type == (type & 0xffffffff))
			return known[i].name;
	snprintf(buf, FILESYSTEM_NAME, "type 0x%lx", type);
	return buf;
}
