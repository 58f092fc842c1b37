@main
struct Pare {
  static func main() { print("pare") }
}
