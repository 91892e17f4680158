import type { Text } from './en';

export const ko: Text = {
  product: 'Galley',
  skip: '본문으로 건너뛰기',
  nav: { label: '화면', overview: '개요', fleet: '장비', jobs: '작업', runs: '실행 기록', models: '모델', playground: '시험해 보기' },
  top: {
    languages: { en: 'English', ko: '한국어' }, languageMarks: { en: 'En', ko: '한' }, searchKey: 'Ctrl K',
    where: '현재 위치', search: '이동…', searchHint: '검색과 명령 (Ctrl-K)',
    themes: { system: '테마: 시스템 설정', light: '테마: 밝게', dark: '테마: 어둡게' },
    connection: { connecting: '연결 중', live: '실시간', lost: '다시 연결 중' },
    signedInAs: (who, version) => `${who}(으)로 로그인됨, Galley ${version}`,
  },
  palette: {
    title: '검색과 명령', placeholder: '화면, 작업, 실행 기록, 모델 또는 ID', none: '그런 이름은 없습니다.', view: '화면', job: '작업',
    run: '실행 기록', model: '모델', open: (id) => `${id} 열기`,
  },
  state: {
    queued: '대기', starting: '시작 중', running: '실행 중', cancelling: '취소 중', succeeded: '성공', failed: '실패', cancelled: '취소됨',
    lost: '유실', finished: '완료', killed: '중단됨', up: '정상', down: '응답 없음', in_service: '사용 가능', out_of_service: '사용 불가', loaded: '적재됨',
  },
  common: {
    loading: '불러오는 중…', more: '더 보기', close: '닫기', back: '그대로 두기', copy: '복사', copied: '복사됨', search: '필터',
    filterHelp: '/ 필터, j·k 이동, Enter 열기.', rows: (n) => `${n}개 표시`, tryAgain: '다시 시도', state: '상태', id: 'ID',
    created: '생성', size: '크기', of: (part, whole) => `${whole} 중 ${part}`, failedTo: (what) => `${what}을(를) 불러오지 못했습니다.`,
    requestId: (id) => `요청 ${id}`, missingTitle: '없는 페이지', missing: '이 주소에는 아무것도 없습니다.', toOverview: '개요로', unreachable: '서버가 응답하지 않습니다.',
  },
  login: {
    title: '로그인', lead: '이 페이지는 터미널에서 받은 일회용 주소로 열어야 합니다.', step: 'Galley가 실행 중인 컴퓨터에서 다음을 실행하고, 출력된 주소를 여세요:',
    command: 'galley login --web', used: '이미 사용했거나 알 수 없는 코드입니다. 코드는 한 번만 쓸 수 있습니다.',
  },
  overview: {
    title: '개요', good: '모두 정상입니다', goodMore: '모든 노드가 응답하며, 확인할 일이 없습니다.', attention: '확인이 필요합니다',
    nodesDown: (n) => `응답하지 않는 노드 ${n}대`, failed: (n) => `최근 24시간 동안 실패한 작업 ${n}개`, diskLow: (free) => `남은 디스크가 ${free}뿐입니다`,
    queue: '대기열', queued: '대기', running: '실행 중', succeeded: '성공, 24시간', failedDay: '실패, 24시간', capacity: '작업에 할당됨', cpus: 'CPU', gpus: 'GPU',
    memory: '메모리', noGpus: '이 장비에는 GPU가 없습니다.', serving: '서빙', models: '적재된 모델', rate: '초당 예측', p50: '지연 p50', p99: '지연 p99',
    load: '현재 부하', loadCpu: '프로세서 사용률', loadRate: '예측', nodes: '노드', recent: '최근 작업',
    allJobs: '모든 작업', since: '시작', collecting: '몇 초 안에 첫 값이 도착합니다.', perSecond: '/초', ms: 'ms',
  },
  jobs: {
    title: '작업', name: '작업', state: '상태', team: '팀', waited: '대기 시간', ran: '실행 시간', asked: '요청 자원', exit: '종료 코드',
    created: '제출', reason: '이유', filterExample: 'state = "running" and team = "nlp"', empty: '아직 작업이 없습니다. 첫 작업을 제출해 보세요:',
    emptyFiltered: '이 필터에 맞는 작업이 없습니다.', emptyCommand: 'galley run --cpus 1 -- echo hello', allStates: '모든 상태',
  },
  job: {
    waited: '대기 시간', ran: '실행 시간', exit: '종료 코드', attempts: (n) => `${n}번 시도`, cancel: '작업 취소', cancelTitle: (name) => `${name}을(를) 취소할까요?`,
    cancelRunning: (ran, grace) => `이 작업은 ${ran} 동안 실행되었습니다. 프로세스에 종료를 요청하고, ${grace} 안에 끝나지 않으면 강제로 끝냅니다.`,
    cancelQueued: (waited) => `이 작업은 ${waited} 동안 기다렸으며, 시작되지 않습니다.`, cancelKeep: '로그, 지표, 산출물은 남습니다.', cancelled: (name) => `${name}을(를) 취소하는 중입니다.`,
    run: '실행 기록', tabs: '작업의 부분', log: '로그', spec: '명세', attemptList: '시도', why: '이유', whyTitle: '스케줄러의 설명', whyNone: '더 할 말이 없습니다.', by: '제출자',
    follow: '따라가기', pause: '멈추기', following: '따라가는 중', paused: '멈춤', ended: '전체 수신', waiting: '작업이 시작되면 로그가 나타납니다.', emptyLog: '작업이 아무것도 출력하지 않았습니다.',
    whole: '전체 로그', trimmed: (size) => `앞부분은 표시하지 않습니다 (${size}).`, logOf: '작업 로그', attempt: '시도', node: '노드', devices: 'GPU', signal: '시그널', written: '로그',
    started: '시작', copySpec: '명세 복사', priority: '우선순위', command: '명령', asks: '요청 자원', noAttempts: '아직 시작되지 않았습니다.', earlier: '표시할 시도',
    cpus: (n) => `CPU ${n}개`, gpus: (n) => `GPU ${n}개`, times: (n) => `노드 ${n}대`,
  },
  guide: {
    title: '기다리는 이유', again: '다시 확인', starts: '예상 시작', between: (from, to) => `다섯 번 중 네 번: ${from} ~ ${to}`,
    faster: '더 빠른 방법', resubmit: '이대로 다시 제출', atOnce: '바로', oldTitle: (name) => `기다리는 ${name}을(를) 취소할까요?`, submitted: (id) => `${id}(으)로 제출했습니다.`,
    oldSays: '아직 아무것도 취소하지 않았습니다. 그대로 두면 두 작업이 모두 대기열에 남습니다.', cancelOld: '이전 작업 취소',
  },
  why: {
    candidates: '살펴본 노드', delay: '시작 지연', fragmentation: '단편화', spread: '분산', total: '합계', obstacle: '걸림돌', ahead: (n) => `앞서 기다리는 작업 ${n}개`,
  },
  runs: {
    title: '실행 기록', name: '실행 기록', experiment: '실험', metrics: '마지막 값', started: '시작', took: '걸린 시간', job: '작업',
    empty: '아직 실행 기록이 없습니다. 작업이 다음과 같은 줄을 출력하면 기록됩니다:', emptyCommand: 'galley:: step=1 loss=0.41', filterExample: 'experiment = "nsmc"',
    emptyFiltered: '이 필터에 맞는 실행 기록이 없습니다.',
  },
  run: {
    took: '걸린 시간', points: '점', last: '마지막', curves: '곡선', params: '매개변수', tags: '태그', artifacts: '산출물', data: '데이터', tabs: '실행 기록의 부분',
    noCurves: '아직 지표가 없습니다.', noParams: '매개변수가 없습니다.', noTags: '태그가 없습니다.', noArtifacts: '산출물이 없습니다.', key: '키', value: '값', path: '경로', kind: '종류',
    files: '파일', manifest: '매니페스트', step: '스텝', min: '최소', max: '최대', job: '작업', lastStep: '마지막 스텝', metric: '지표', experiment: '실험',
  },
  chart: {
    table: '표', chart: '차트', csv: 'CSV', png: 'PNG', time: '시각', actions: (title) => `${title}: 다른 형식`, as: (title, form) => `${title}: ${form}`,
    zoom: '끌어서 확대, 두 번 눌러 전체 보기.', summary: (title, points, last) => `${title}: 점 ${points}개, 마지막 값 ${last}`,
  },
  models: {
    title: '모델', name: '모델', snapshots: '스냅숏', latest: '최신', channels: '채널', empty: '아직 모델이 없습니다. 학습한 모델을 고정하고 배포해 보세요:',
    emptyCommand: 'galley snapshots create MODEL ./folder && galley deploy MODEL@1 --channel prod', noChannel: '배포되지 않음', try: '시험해 보기', changed: '변경',
  },
  model: {
    snapshots: '스냅숏', channels: '채널', history: '이력', version: '스냅숏', size: '크기', files: '파일', note: '메모', run: '실행 기록', created: '고정', by: '누가', channel: '채널',
    at: '언제', action: '무엇', move: '이전 → 이후', since: '시점', actions: { deploy: '배포', rollback: '되돌림' }, rollback: '되돌리기',
    rollbackOf: (channel) => `${channel} 되돌리기`, rollbackTitle: (channel) => `${channel}을(를) 되돌릴까요?`, moveSays: (channel, from, to) => `${channel}: ${from} → ${to}`,
    rollbackMore: '이전 스냅숏이 적재되는 즉시 그것이 요청에 답하며, 유실되는 요청은 없습니다. 다시 배포하면 취소됩니다.', nothingBack: '되돌아갈 이전 배포가 없습니다.', nothing: '없음',
    rolledBack: (channel, ref) => `이제 ${channel}은(는) ${ref}(으)로 답합니다.`, deploy: '배포', deployTo: (ref) => `${ref} 배포`, deployTitle: (ref) => `${ref}을(를) 배포할까요?`,
    deployChannel: '채널', deployMore: '스냅숏을 먼저 적재하고, 응답할 수 있을 때에만 채널을 옮깁니다.', deployed: (ref, channel) => `${ref}을(를) ${channel}에 배포했습니다.`,
    noSnapshots: '스냅숏이 없습니다.', noChannels: '어느 채널에도 배포되지 않았습니다.', noHistory: '아직 이동이 없습니다.', prod: 'prod가 답하는 스냅숏', generationShort: 'prod 이동 횟수',
  },
  try: {
    title: '시험해 보기', lead: '글을 입력하고 모델의 답을 확인하세요.', model: '모델', text: '글', placeholder: '분류할 글', send: '분류', hint: 'Ctrl-Enter로 보냅니다.', label: '라벨',
    snapshot: '스냅숏', latency: '서버 시간', roundTrip: '왕복 시간', none: '배포된 모델이 없습니다. 먼저 배포하세요:', noneCommand: 'galley deploy MODEL@1 --channel prod',
    waiting: '묻는 중…', result: '답', ms: (n) => `${n} ms`, earlier: '이전 답',
  },
  fleet: {
    title: '장비', node: '노드', cpus: '할당된 CPU', memory: '할당된 메모리', gpus: '할당된 GPU', load: '부하, 1분', cpu: '프로세서 사용률', used: '사용 중인 메모리', disk: '남은 디스크',
    notes: '참고', devices: 'GPU', device: 'GPU', memorySize: '메모리', holder: '사용하는 작업', noDevices: 'GPU가 있는 노드가 없어, 작업은 프로세서에서 실행됩니다.', free: '비어 있음',
    empty: '아직 참여한 노드가 없습니다.', emptyCommand: 'galley up',
    cells: '서로 가까운 GPU', usedBy: (job) => `${job}이(가) 사용 중`, outOfService: '사용 중지', shareable: '공유 가능',
    source: { discovered: 'nvidia-smi가 본 대로', stated: '파일에 적힌 대로', forged: '반씩 나눔' },
  },
};
