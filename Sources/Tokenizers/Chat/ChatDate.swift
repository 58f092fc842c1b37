/// A moment of the calendar, as `strftime_now` tells a template.
public struct ChatDate: Sendable, Equatable {
  public let year: Int
  public let month: Int
  public let day: Int
  public let hour: Int
  public let minute: Int
  public let second: Int

  /// Nil for a day that the Gregorian calendar lacks, or a time that a day lacks. The year is
  /// 1 to 9999, as in Python.
  public init?(
    year: Int, month: Int, day: Int, hour: Int = 0, minute: Int = 0, second: Int = 0
  ) {
    guard (1...9999).contains(year), (1...12).contains(month),
      (1...Self.days(in: month, of: year)).contains(day), (0..<24).contains(hour),
      (0..<60).contains(minute), (0..<60).contains(second)
    else { return nil }
    (self.year, self.month, self.day) = (year, month, day)
    (self.hour, self.minute, self.second) = (hour, minute, second)
  }

  /// `2026-01-31`; nil for other text.
  public init?(_ text: String) {
    let parts = text.split(separator: "-", omittingEmptySubsequences: false)
    guard parts.map(\.utf8.count) == [4, 2, 2],
      parts.allSatisfy({ $0.unicodeScalars.allSatisfy(\.isASCIIDigit) })
    else { return nil }
    let numbers = parts.compactMap { Int($0) }
    guard numbers.count == 3 else { return nil }
    self.init(year: numbers[0], month: numbers[1], day: numbers[2])
  }

  private static func isLeap(_ year: Int) -> Bool {
    year % 4 == 0 && year % 100 != 0 || year % 400 == 0
  }

  private static func days(in month: Int, of year: Int) -> Int {
    month == 2 ? (isLeap(year) ? 29 : 28) : [4, 6, 9, 11].contains(month) ? 30 : 31
  }

  private var dayOfYear: Int {
    (1..<month).reduce(day) { $0 + Self.days(in: $1, of: year) }
  }

  /// 0 is Sunday.
  private var weekday: Int {
    let past = year - 1
    // 1 January of year 1 was a Monday.
    return (past * 365 + past / 4 - past / 100 + past / 400 + dayOfYear) % 7
  }

  private static let months = [
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
  ]
  private static let weekdays = [
    "Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday",
  ]

  /// A letter of a format that is not known.
  struct UnknownLetter: Error { let letter: Character }

  /// By `strftime`'s format, in English.
  func text(_ format: String) -> Result<String, UnknownLetter> {
    var (result, isLetter) = ("", false)
    for character in format {
      guard isLetter else {
        isLetter = character == "%"
        if !isLetter { result.append(character) }
        continue
      }
      isLetter = false
      guard let part = part(character) else { return .failure(UnknownLetter(letter: character)) }
      result += part
    }
    return .success(isLetter ? result + "%" : result)
  }

  private func part(_ letter: Character) -> String? {
    func digits(_ number: Int, _ width: Int = 2) -> String {
      let text = String(number)
      return String(repeating: "0", count: max(width - text.count, 0)) + text
    }
    let hour12 = (hour + 11) % 12 + 1
    switch letter {
    case "Y": return String(year)
    case "y": return digits(year % 100)
    case "m": return digits(month)
    case "d": return digits(day)
    case "e": return day < 10 ? " \(day)" : String(day)
    case "B": return Self.months[month - 1]
    case "b", "h": return String(Self.months[month - 1].prefix(3))
    case "A": return Self.weekdays[weekday]
    case "a": return String(Self.weekdays[weekday].prefix(3))
    case "j": return digits(dayOfYear, 3)
    case "H": return digits(hour)
    case "I": return digits(hour12)
    case "M": return digits(minute)
    case "S": return digits(second)
    case "p": return hour < 12 ? "AM" : "PM"
    case "F": return "\(digits(year, 4))-\(digits(month))-\(digits(day))"
    case "T": return "\(digits(hour)):\(digits(minute)):\(digits(second))"
    case "%": return "%"
    default: return nil
    }
  }
}
