// Prompts to begin with: five kinds of service, each with an instruction and up to three examples.
import type { Template } from '../lib/playground/template';

export interface Sample {
  id: string;
  name: string;
  /** With all its examples; fewer may be used. */
  template: Template;
}

export const samplesEn: readonly Sample[] = [
  {
    id: 'query', name: 'Query correction',
    template: {
      instruction: 'Correct the spelling of the search query. Keep its meaning and its language.',
      inputLabel: 'Query:', outputLabel: 'Corrected:',
      shots: [
        { input: 'wether tomorow in londn', output: 'weather tomorrow in london' },
        { input: 'cheep flihgts to seol', output: 'cheap flights to seoul' },
        { input: 'how to tye a tie', output: 'how to tie a tie' },
      ],
      question: 'recieps for choclate cake',
    },
  },
  {
    id: 'chatbot', name: 'Chatbot',
    template: {
      instruction: 'The following is a conversation with a helpful, polite assistant of a bookshop.',
      inputLabel: 'Customer:', outputLabel: 'Assistant:',
      shots: [
        { input: 'When do you open?', output: 'We are open every day from nine to eight.' },
        { input: 'Do you have books for children?', output: 'Yes, on the second floor, sorted by age.' },
        { input: 'Can I give a book back?', output: 'Within two weeks, with the receipt, of course.' },
      ],
      question: 'I am looking for a present for my sister.',
    },
  },
  {
    id: 'sql', name: 'Question to SQL',
    template: {
      instruction: 'Write one SQL query for the table orders(id, customer, city, price, ordered_at).',
      inputLabel: 'Question:', outputLabel: 'SQL:',
      shots: [
        { input: 'How many orders are there?', output: 'SELECT COUNT(*) FROM orders;' },
        { input: 'What did Kim spend in all?', output: "SELECT SUM(price) FROM orders WHERE customer = 'Kim';" },
        { input: 'Which three cities order most?', output: 'SELECT city FROM orders GROUP BY city ORDER BY COUNT(*) DESC LIMIT 3;' },
      ],
      question: 'What was the dearest order of each city?',
    },
  },
  {
    id: 'latex', name: 'Words to LaTeX',
    template: {
      instruction: 'Write the formula in LaTeX.',
      inputLabel: 'Words:', outputLabel: 'LaTeX:',
      shots: [
        { input: 'x squared plus one half', output: 'x^2 + \\frac{1}{2}' },
        { input: 'the sum of k from one to n', output: '\\sum_{k=1}^{n} k' },
        { input: 'the square root of a plus b', output: '\\sqrt{a + b}' },
      ],
      question: 'the integral of e to the minus x from zero to infinity',
    },
  },
  {
    id: 'shell', name: 'Task to shell',
    template: {
      instruction: 'Write one shell command for the task. Nothing else.',
      inputLabel: 'Task:', outputLabel: 'Command:',
      shots: [
        { input: 'list the files here, largest first', output: 'ls -lS' },
        { input: 'count the lines of all text files', output: 'cat *.txt | wc -l' },
        { input: 'find files that changed today', output: 'find . -mtime -1 -type f' },
      ],
      question: 'show the ten newest lines of app.log',
    },
  },
];
