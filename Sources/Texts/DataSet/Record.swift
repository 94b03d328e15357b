/// What a line of a data file says, in one of the usual shapes.
enum Record {
  /// `instruction`, `input` if any, `output`.
  case instruction(String, input: String, output: String)
  /// `prompt` and `completion` as texts.
  case completion(prompt: String, completion: String)
  /// `messages`, or `prompt` and `completion` as lists of messages.
  case conversation([ChatMessage])
  /// `text` alone.
  case text(String)

  /// Reads one line, which is not blank.
  init(line: Int, _ bytes: [UInt8]) throws(LineProblem) {
    do throws(LineProblem.Reason) { self = try Record(bytes) } catch {
      throw LineProblem(line: line, reason: error)
    }
  }

  private init(_ bytes: [UInt8]) throws(LineProblem.Reason) {
    let json: ExactJSON
    do throws(ExactJSONError) { json = try ExactJSONParser.parse(bytes) } catch { throw .notJSON(error) }
    guard let members = json.members else { throw .notAnObject(json.kind) }
    if json["messages"] != nil {
      self = .conversation(try Self.answered(try Self.messages(json, "messages")))
    } else if json["instruction"] != nil {
      let output = try Self.filled(json, "output")
      let input = json["input"].map { !$0.isNull } ?? false ? try Self.string(json, "input") : ""
      self = .instruction(try Self.string(json, "instruction"), input: input, output: output)
    } else if json["prompt"] != nil || json["completion"] != nil {
      if json["prompt"]?.array != nil || json["completion"]?.array != nil {
        let messages = try Self.messages(json, "prompt") + Self.messages(json, "completion")
        self = .conversation(try Self.answered(messages))
      } else {
        let prompt = try Self.string(json, "prompt")
        self = .completion(prompt: prompt, completion: try Self.filled(json, "completion"))
      }
    } else if json["text"] != nil {
      self = .text(try Self.filled(json, "text"))
    } else {
      throw .unknownShape(keys: members.map(\.key))
    }
  }

  private static func string(_ json: ExactJSON, _ key: String) throws(LineProblem.Reason) -> String {
    guard let value = json[key] else { throw .missing(key: key) }
    guard let text = value.string else { throw .wrongType(key: key, expected: "a string", found: value.kind) }
    return text
  }

  private static func filled(_ json: ExactJSON, _ key: String) throws(LineProblem.Reason) -> String {
    let text = try string(json, key)
    if text.trimmed().isEmpty { throw .empty(key: key) }
    return text
  }

  private static func messages(_ json: ExactJSON, _ key: String) throws(LineProblem.Reason) -> [ChatMessage] {
    guard let value = json[key] else { throw .missing(key: key) }
    guard let entries = value.array else { throw .wrongType(key: key, expected: "an array", found: value.kind) }
    var messages: [ChatMessage] = []
    for (index, entry) in entries.enumerated() {
      let place = "\(key)[\(index)]"
      guard entry.members != nil else { throw .wrongType(key: place, expected: "an object", found: entry.kind) }
      for name in ["role", "content"] {
        guard let part = entry[name] else { throw .missing(key: place + "." + name) }
        guard part.string != nil else {
          throw .wrongType(key: place + "." + name, expected: "a string", found: part.kind)
        }
      }
      let name = entry["role"]?.string ?? ""
      guard let role = ChatMessage.Role(rawValue: name) else { throw .unknownRole(name) }
      let content = entry["content"]?.string ?? ""
      if role == .assistant, content.trimmed().isEmpty { throw .empty(key: place + ".content") }
      messages.append(ChatMessage(role, content))
    }
    return messages
  }

  private static func answered(_ messages: [ChatMessage]) throws(LineProblem.Reason) -> [ChatMessage] {
    guard messages.contains(where: { $0.role == .assistant }) else { throw .noAnswer }
    return messages
  }
}
