import type { StudiesText } from './studies_en';

export const studiesKo: StudiesText = {
  title: '탐색',
  empty: '아직 탐색이 없습니다. JSON 파일 하나로 돌아가는 작업을 설정 탐색으로 바꾸어, 놀고 있는 GPU에서 실행합니다:',
  emptyCommand: 'galley tune study.json -- ./train.sh --lr {lr} --depth {depth}',
  emptyMore: '파일에는 파라미터, 측정값, 한도를 적습니다. 모든 항목은 docs/hpo.md에 있습니다.',
  columns: {
    name: '탐색', state: '상태', trials: '시도', best: '최고', gpuHours: 'GPU 시간', pools: '풀', started: '시작', team: '팀', took: '걸린 시간', by: '만든 사람',
  },
  pools: { live: '실행', stop: '멈춤', dead: '탈락', ended: '종료' },
  poolsLine: (live, stop, dead, ended) => `실행 ${live}, 멈춤 ${stop}, 탈락 ${dead}, 종료 ${ended}`,
  trialStates: { stopped: '멈춤', earlier: '이전' },
  head: {
    best: '최고', trials: '시도', gpuHours: 'GPU 시간', ends: '끝나는 때', ended: '끝난 때', took: '걸린 시간', of: (n) => `/ ${n}`, none: '아직 없음', bestTrial: (n) => `시도 ${n}`,
    endless: '중지할 때까지', soon: '아직 알 수 없음', live: '실행', stop: '탐색 중지', tabs: '탐색의 부분',
  },
  obstacle: '실행 중인 시도가 없음',
  race: { title: '여러 시드로 겨루는 후보', trial: '시도', runs: '실행 수', mean: '평균', interval: '95 % 구간', none: '없음.' },
  stop: {
    title: (name) => `${name}을(를) 중지할까요?`, says: (live) => (live === 0 ? '지금 실행 중인 시도가 없습니다. 새로 시작하지도 않습니다.'
      : `실행 중인 시도 ${live}개를 내립니다. 작업은 체크포인트를 쓰고 끝나도록 요청받습니다.`),
    keeps: '결과는 모두 남습니다. 중지한 탐색은 이어갈 수 없고, 같은 파일로 새로 시작할 수 있습니다.', action: '탐색 중지', done: (name) => `${name}을(를) 중지하고 있습니다.`,
  },
  tabs: { trials: '시도', curves: '곡선', pools: '풀', importance: '중요도', file: '파일' },
  plot: {
    title: '평행 좌표', label: (shown, all, axes) => `축 ${axes}개에 시도 ${all}개 중 ${shown}개. 옆의 표에 같은 시도가 있습니다`,
    help: '축을 끌어 범위를 표시하고, 범위를 끌어 옮기고, 범위 밖을 누르면 지워집니다.', colour: '색', clear: '표시 지우기', chosen: (shown, all) => `시도 ${all}개 중 ${shown}개`,
    region: '이 영역으로 새 탐색', noTrials: '아직 시작한 시도가 없습니다.', best: '최고 시도', good: '좋음', bad: '나쁨', limits: '키보드로 범위 정하기', least: (name) => `${name}: 부터`,
    most: (name) => `${name}: 까지`, absent: '없음', descending: '클수록 좋음', ascending: '작을수록 좋음', marked: (name) => `${name}에 표시됨`,
    clipped: '더 나쁜 값은 축 끝에 그립니다.', unmark: (name) => `${name} 지우기`, log: '로그', earlier: (n, names) => `이전 시도 ${n}개 (${names})`,
  },
  table: {
    label: '고른 시도', trial: '시도', state: '상태', spent: (resource) => `진행, ${resource}`, gpu: 'GPU 분', none: '표시한 범위에 모두 드는 시도가 없습니다.', open: (n) => `시도 ${n}`, openIn: (name) => `이전 시도 ${name}`,
  },
  trial: {
    title: (n) => `시도 ${n}`, close: '닫기', params: '설정', attempts: '실행', curve: '곡선', lineage: '계보', best: '이 탐색의 최고', attempt: '실행', job: '작업', from: '부터', to: '까지',
    took: '걸린 시간', ended: '끝난 이유', runs: '실행 중', why: '마지막 결정', spent: '진행', gpuTime: 'GPU 사용', lost: '선점으로 잃은 시간', checkpoint: '체크포인트', worker: '맡은 곳', value: '값',
    noCurve: '아직 보고한 값이 없습니다.', noAttempts: '아직 시작하지 않았습니다.', ownWeights: '가중치가 모두 자신의 것입니다.', copied: (n, at) => `${at}까지 시도 ${n}의 가중치`,
    own: (from, to) => `${from}부터 ${to}까지 자신의 설정`,
    endings: { released: '내려감', preempted: 'GPU 회수', finished: '완료', failed: '실패', infeasible: '실행 불가' },
  },
  region: {
    title: '이 영역으로 새 탐색', name: '이름', reach: '좁힐 대상', marked: '표시한 축만', box: '모두, 고른 시도가 있는 범위로', parameter: '파라미터', before: '이전', after: '이후',
    nothing: '좁혀진 것이 없습니다. 파라미터에 범위를 표시하거나, 고른 시도를 감싸는 범위를 쓰세요.', file: '탐색 파일', download: '내려받기', start: '시작', started: (name) => `${name}을(를) 시작했습니다.`,
    preview: (trials, hours, gpuHours) => `시도 ${trials}개, 약 ${hours}, GPU ${gpuHours}시간`, checking: '얼마나 걸릴지 묻는 중…', cancel: '닫기',
    asked: '시도는 전처럼 여러분의 프로그램이 받아 갑니다.', warm: '이 탐색의 결과로 시작', command: '또는 터미널에서:',
  },
  curves: {
    earlier: '이어받은 탐색의 시도는 그 탐색에 곡선이 있습니다.',
    title: (measure) => `${measure} 곡선`, x: '가로축', resource: (name) => name, time: '시간', note: (shown, all) => `값을 보고한 시도 ${all}개 중 ${shown}개`, leaders: '상위', none: '아직 값을 보고한 시도가 없습니다.',
    label: (n, measure) => `${measure} 곡선 ${n}개`, trial: '시도', best: '최고', last: '마지막', until: '도달',
  },
  timeline: {
    pools: '풀마다 시도 수', share: '잡고 있는 GPU', study: '이 탐색', tuning: '다른 탐색', people: '사람의 작업', free: '비어 있음', hours: '시간', seconds: '초', minutes: '분',
    noGpus: '이 탐색 동안 잡힌 GPU가 없습니다. 시도에 GPU가 필요 없거나 다른 곳에서 실행합니다.', since: '시작한 뒤', none: '아직 아무 일도 없었습니다.',
  },
  importance: {
    title: '파라미터마다 얼마나 중요한가', pairs: '따로일 때를 넘는 조합', note: (trials) => `시도 ${trials}개로 구한, 각 파라미터가 설명하는 전체 공간의 분산 비율입니다(fANOVA).`, earlier: (n) => `그중 ${n}개는 시작할 때 이어받은 탐색의 시도입니다.`, rest: '상호작용과 잡음',
    none: '두 파라미터 따로보다 중요한 조합이 없습니다.',
  },
  file: {
    title: '탐색 파일', repeat: '똑같이 다시', download: '내려받기', command: '파일을 저장한 다음:', method: '정해진 방법', limits: '끝나는 조건', trials: (n) => `시도 ${n}개`, gpuHours: (n) => `GPU ${n}시간`,
    hours: (n) => `${n}시간`, target: (n) => `측정값 ${n}`, never: '중지할 때까지', resource: '시도의 예산', asked: '파일에 작업이 없으면 프로그램이 HTTP로 시도를 받고 결과를 알립니다.',
  },
};
