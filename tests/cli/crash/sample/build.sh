# The build: the settings are there, and the scripts can be read.
[ -e local.conf ] || {
    echo "no such file or directory: local.conf"
    exit 1
}
[ -e .deps/lib/words ] || {
    echo "the shared folder is not there"
    exit 1
}
sh -n greet.sh && sh -n bye.sh
