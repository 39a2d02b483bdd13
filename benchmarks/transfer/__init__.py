"""Time how a site's files get into a bucket: ours, s5cmd, rclone and the AWS CLI, side by side; see ../README.md."""
