# Says good-bye.
bye() {
    echo "bye"
}
