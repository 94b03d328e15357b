import Bookkeeping
import Foundation
import Reporting
import Testing

@Suite struct `Formats of a table` {
  static let awkward = "a|b, \"c\"\nd"
  static let table = Table(
    [
      Column("name", key: "name"), Column("size", key: "size_bytes", .gibibytes),
      Column("tokens", key: "tokens", .integer), Column("share", key: "share", .percent(places: 1)),
      Column("", key: "bar", .bar(width: 8)), Column("rate", key: "rate", .decimal(places: 2), unit: "1/s"),
      Column("on", key: "on", .flag),
    ],
    rows: [
      [
        .text(awkward), .bytes(Bytes(8_589_934_593)), .integer(1_234_567), .percent(0.25), .percent(0.25),
        .decimal(2.005), .flag(true),
      ],
      ["plain", .none, .integer(-5), .percent(0.0001), .percent(0.0001), .decimal(.infinity), .flag(false)],
    ])

  @Test func `CSV quotes commas, quotes and line ends, and keeps raw integers of bytes`() {
    #expect(
      CSVFormat().render(Self.table) == """
        name,size_bytes,tokens,share,rate,on
        "a|b, ""c""
        d",8589934593,1234567,0.25,2.005,true
        plain,,-5,0.0001,,false

        """)
  }

  @Test(arguments: ["\r", "\n", "\r\n", ",", "\"", "a\rb"])
  func `a CSV field with a special character is quoted`(field: String) {
    let csv = CSVFormat().render(Table([Column("x", key: "x")], rows: [[.text(field)]]))
    #expect(csv == "x\n\"" + field.replacingOccurrences(of: "\"", with: "\"\"") + "\"\n")
  }

  @Test func `Markdown escapes pipes, keeps a cell on its row, and puts numbers on the right`() {
    #expect(
      MarkdownFormat().render(Self.table) == """
        | name | size (GiB) | tokens | share | rate (1/s) | on |
        | --- | ---: | ---: | ---: | ---: | --- |
        | a\\|b, "c" d | 8.00 | 1,234,567 | 25.0 % | 2.01 | yes |
        | plain | – | -5 | \\<0.1 % | – | no |

        """)
  }

  @Test func `text is aligned, drawn and on one line a row`() {
    #expect(
      TextFormat().render(Self.table) == """
        name        size (GiB)     tokens   share      rate (1/s)  on
        a|b, "c" d        8.00  1,234,567  25.0 %  ██        2.01  yes
        plain                –         -5  <0.1 %  ▏            –  no

        """)
  }

  @Test func `JSON parses back, bytes are integers and what is unknown is null`() throws {
    let data = Data(JSONFormat().render(Self.table).utf8)
    let rows = try #require(try JSONSerialization.jsonObject(with: data) as? [[String: Any]])
    #expect(rows.count == 2)
    #expect(rows[0]["name"] as? String == Self.awkward)
    #expect(rows[0]["size_bytes"] as? Int == 8_589_934_593)
    #expect(rows[0]["share"] as? Double == 0.25)
    #expect(rows[0]["bar"] == nil)
    #expect(rows[1]["size_bytes"] is NSNull)
    #expect(rows[1]["rate"] is NSNull)
    #expect(rows[1]["on"] as? Bool == false)
  }

  @Test func `keys of JSON stand in the order of the columns`() {
    let text = JSONFormat().render(Self.table)
    let places = ["name", "size_bytes", "tokens", "share", "rate", "on"].map { text.range(of: "\"\($0)\"")?.lowerBound }
    #expect(!places.contains(nil))
    #expect(places.compactMap(\.self) == places.compactMap(\.self).sorted())
  }

  @Test(arguments: [100, 60, 40])
  func `no line of text is wider than the terminal`(width: Int) {
    let table = Table(
      [Column("name", key: "name"), Column("note", key: "note"), Column("n", key: "n", .integer)],
      rows: [[.text(String(repeating: "layer.", count: 30)), .text(String(repeating: "x", count: 80)), .integer(7)]])
    for line in TextFormat(width: width, indentation: 2).render(table).split(separator: "\n") {
      #expect(line.count <= width)
    }
  }

  @Test func `a name that is too long loses its middle`() {
    let table = Table([Column("", key: "name")], rows: [["model.layers.31.mlp.down_proj.weight.absmax"]])
    #expect(TextFormat(width: 21).render(table) == "model.laye…ght.absmax\n")
  }

  @Test func `a total is for people, never for programs`() {
    let table = Table([Column("n", key: "n", .integer)], rows: [[.integer(1)], [.integer(2)]], total: [.integer(3)])
    #expect(CSVFormat().render(table) == "n\n1\n2\n")
    #expect(JSONFormat().render(table) == "[\n  {\"n\": 1},\n  {\"n\": 2}\n]\n")
    #expect(TextFormat().render(table) == "n\n1\n2\n─\n3\n")
    #expect(MarkdownFormat().render(table).hasSuffix("| **3** |\n"))
  }

  @Test func `control characters of a file never reach the terminal`() {
    #expect(Printable.line("evil\u{1B}[31mname\u{7}\t\ttab\r\nnext") == "evil[31mname tab next")
  }
}
