# Says hello.
greet() {
    echo "hello"
}
