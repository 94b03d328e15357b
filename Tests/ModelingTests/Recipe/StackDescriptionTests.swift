import Modeling
import Testing

@Suite struct `Stacks in writing` {
  @Test(arguments: Stack.allCases)
  func `a stack says what it is, at which versions, and what is known of it`(_ stack: Stack) {
    let description = stack.description
    #expect(description.stack == stack)
    #expect(!description.title.isEmpty && !description.software.isEmpty)
    guard stack.isTorch else { return }
    #expect(!description.notes.isEmpty)
    #expect(description.notes.allSatisfy { !$0.isEmpty })
    #expect(description.software.contains { $0.contains(where: \.isNumber) })
  }

  @Test func `titles and names are told apart`() {
    let stacks = Stack.allCases
    #expect(Set(stacks.map(\.description.title)).count == stacks.count)
    #expect(Set(stacks.map(\.rawValue)).count == stacks.count)
  }
}
