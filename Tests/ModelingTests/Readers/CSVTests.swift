import Modeling
import Testing

@Suite struct `Comma-separated values` {
  @Test func `are read under the names of the first line`() throws {
    let table = try CSVTable("id,size\na,1\nb, 2 \n", path: "t.csv")
    #expect(table.columns == ["id", "size"])
    #expect(table.rows.map { $0["id"] } == ["a", "b"])
    #expect(table.rows[1]["size"] == "2")
    #expect(table.rows[0]["nothing"] == nil)
  }

  @Test func `between quotes hold commas, quotes and line ends`() throws {
    let text = "\u{FEFF}id,note\r\n1,\"a, \"\"b\"\"\"\r\n2,\"two\nlines\"\r\n\r\n3,c"
    let table = try CSVTable(text, path: "t.csv")
    #expect(table.rows.map { $0["note"] } == ["a, \"b\"", "two\nlines", "c"])
    #expect(table.rows.map(\.line) == [2, 3, 6])
    #expect(table.problems.isEmpty)
  }

  @Test(arguments: [
    ("1,a\"b\n2,c\n", 2, "note"), ("1,\"a\"b\n2,c\n", 2, "note"), ("1,\"a\n2,c\n", 2, "note"), ("1\n2,c\n", 2, "note"),
    ("1,a,b\n2,c\n", 2, "3"), ("1,\"never closed\"\"\n2,c\n", 2, "note"),
  ])
  func `that are broken are a problem of their own line`(text: String, line: Int, column: String) throws {
    let table = try CSVTable("id,note\n" + text, path: "t.csv")
    #expect(table.problems.map(\.line) == [line])
    #expect(table.problems.map(\.column) == [column])
    #expect(table.rows.map { $0["note"] } == ["c"])
  }

  @Test func `are refused as a whole without a header, with two alike, or without what is required`() {
    #expect(throws: CSVError.empty(path: "t.csv")) { try CSVTable("\n\n", path: "t.csv") }
    #expect(throws: CSVError.repeatedColumn("a", path: "t.csv")) { try CSVTable("a,b,a\n", path: "t.csv") }
    #expect(throws: CSVError.missingColumns(["c"], path: "t.csv")) {
      try CSVTable("a,b\n", path: "t.csv", requiring: ["a", "c"])
    }
    #expect(throws: CSVError.file(.noSuchFile(path: "/nowhere.csv"))) { try CSVTable(path: "/nowhere.csv") }
  }
}
